// A rule that names a folder or a file that does not exist holds nothing: lint, knip, turbo, the tests and this check itself.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expandBraces, globPattern } from './globs.mjs';
import { FORBIDDEN_IMPORTS, NOTICE, PROVIDER_WORDS } from './layout.mjs';

/** @param {import('./source-tree.mjs').SourceTree} tree */
export function rulePlaces(
  tree,
  own = { imports: FORBIDDEN_IMPORTS, places: [...PROVIDER_WORDS.allowed, ...NOTICE.allowed] },
) {
  const folders = new Set(tree.paths.flatMap(foldersOf));
  return [...lintGlobs(tree.root), ...sizeGlobs(tree.root), ...knipGlobs(tree), ...ownPlaces(own)]
    .flatMap(({ owner, glob }) => expandBraces(glob).map((each) => ({ owner, glob: each })))
    .filter(({ glob }) => !folders.has(glob) && !matchesAny(glob, tree.paths))
    .map(({ owner, glob }) => ({
      rule: 'rule-without-place',
      place: `${owner}: ${glob}`,
      message: `${owner} has a rule for ${glob}, which matches no file: name where the code lives now, or delete the rule`,
    }));
}

function foldersOf(path) {
  const parts = path.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function matchesAny(glob, paths) {
  const pattern = globPattern(glob);
  return paths.some((path) => pattern.test(path));
}

const lintGlobs = (root) => overridesOf(root, '.oxlintrc.json');
const sizeGlobs = (root) => overridesOf(root, '.dev/structure/sizes.json');

function overridesOf(root, file) {
  const config = readConfig(root, file);
  return (config?.overrides ?? []).flatMap((each) => each.files.map((glob) => ({ owner: file, glob })));
}

function knipGlobs(tree) {
  const owner = '.knip.json';
  const config = readConfig(tree.root, owner);
  const listed = [config?.vitest?.config ?? [], config?.vitest?.entry ?? [], config?.ignore ?? []].flat();
  const inWorkspaces = Object.entries(config?.workspaces ?? {}).flatMap(([workspace, patterns]) =>
    [patterns.entry ?? [], patterns.project ?? []]
      .flat()
      .map((glob) => (workspace === '.' ? glob : `${workspace}/${glob}`)),
  );
  return [...listed, ...inWorkspaces].map((glob) => ({ owner, glob: glob.replace(/^!|!$/g, '') }));
}

function ownPlaces({ imports, places }) {
  const owner = '.dev/structure/layout.mjs';
  const fromImports = imports.flatMap(({ from, to = [], except = [], allowed = [] }) => [from, to, except, allowed]);
  return [...new Set([...fromImports.flat(), ...places])].map((glob) => ({ owner, glob }));
}

/** JSON with comments that stand on lines of their own. */
function readConfig(root, file) {
  const path = join(root, file);
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, 'utf8').replace(/^\s*\/\/.*$/gm, ''));
}
