// Reads the product's sources once: what each file imports, exports and names.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { parseAst } from 'vitest/node';

/**
 * @typedef {{ specifier: string, target: string | null, names: string[], line: number }} Import
 *   `target` is the file in the repository that the specifier reaches, or null.
 * @typedef {{ name: string, line: number }} Named
 * @typedef {{ path: string, member: string, imports: Import[], exported: Named[], names: Named[], codes: Named[], scaled: Named[] }} SourceFile
 *   `names` are identifiers and property names, `codes` are strings without a space, `scaled` what is multiplied or divided.
 * @typedef {{ root: string, members: string[], files: SourceFile[], paths: string[] }} SourceTree
 *   `files` are the product's sources without tests, `paths` every file of the repository.
 */

/** Code that only tests run: it is exempt from the rules for the product, and the product must not import it. */
export const isTestCode = (path) =>
  /\.(test|e2e)\.ts$|\/(testing|fixtures|conformance)\/|\/conformance\.ts$|[-.]conformance\.ts$/.test(path) ||
  path.startsWith('packages/testkit/') ||
  path.startsWith('e2e/');

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', '.git', '.turbo', '.runctl', '__pycache__']);

/** @returns {SourceTree} */
export function readSourceTree(root) {
  const paths = repositoryPaths(root);
  const packages = readPackages(root, paths);
  const where = { packages, known: new Set(paths) };
  const files = paths
    .filter((path) => /^(agent|controller|packages\/[^/]+)\/src\/.*\.ts$/.test(path) && !isTestCode(path))
    .map((path) => ({
      path,
      member: memberOf(path),
      ...readModule(readFileSync(join(root, path), 'utf8'), path, where),
    }));
  return { root, members: [...packages.values()].map(({ member }) => member), files, paths };
}

/** Every file of the repository, without what is installed or built. */
export const repositoryPaths = (root) => pathsBelow(root, root).sort();

const memberOf = (path) => /^(agent|controller|packages\/[^/]+)\//.exec(path)?.[1];

/** The workspace's packages by name. */
export function readPackages(root, paths) {
  const members = [...new Set([...paths].map(memberOf))].filter((member) => member !== undefined);
  return new Map(members.map((member) => readPackage(root, member)));
}

/** The folder of a file, as the repository names it. */
export const folderOf = (path) => posix.dirname(path);

function pathsBelow(root, folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED_FOLDERS.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? pathsBelow(root, path) : [relative(root, path)];
  });
}

function readPackage(root, member) {
  const file = join(root, member, 'package.json');
  const manifest = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return [manifest.name ?? `@runctl/${posix.basename(member)}`, { member, exports: manifest.exports ?? {} }];
}

/** What a module imports, exports and names. `where` is {packages, known}: all packages, all files. */
export function readModule(text, path, where) {
  const lineAt = lineCounter(text);
  const found = { imports: [], exported: [], names: [], codes: [], scaled: [] };
  const program = parseAst(text, { lang: 'ts' }, path);
  visit(program, (node) => collect(node, found, lineAt));
  found.exported = exportsOf(program, lineAt);
  for (const each of found.imports) each.target = targetOf(each.specifier, path, where);
  return found;
}

function collect(node, found, lineAt) {
  const line = () => lineAt(node.start);
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier')
    found.names.push({ name: node.name, line: line() });
  else if (node.type === 'Literal' && typeof node.value === 'string' && !/\s/.test(node.value))
    found.codes.push({ name: node.value, line: line() });
  if (node.type === 'BinaryExpression' && /^[*/]$/.test(node.operator))
    for (const { name, property } of [node.left, node.right])
      if (name ?? property?.name) found.scaled.push({ name: name ?? property.name, line: line() });
  const quoted = literal(node.key) ?? (node.computed ? literal(node.property) : null);
  if (quoted !== null) found.names.push({ name: quoted, line: line() });
  const source = importedFrom(node);
  if (source !== null) found.imports.push({ specifier: source, target: null, names: bindingsOf(node), line: line() });
}

function importedFrom(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return literal(node.source) ?? literal(node.argument?.literal ?? node.argument);
    default:
      return null;
  }
}

const literal = (node) => (typeof node?.value === 'string' ? node.value : null);

const bindingsOf = (node) =>
  (node.specifiers ?? []).flatMap((each) =>
    [each.imported?.name, each.local?.name].filter((name) => name !== undefined),
  );

/** Names that a file declares and exports; what it only passes on is declared elsewhere. */
function exportsOf(program, lineAt) {
  const imported = new Set(program.body.flatMap((node) => (node.type === 'ImportDeclaration' ? bindingsOf(node) : [])));
  return program.body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || node.source) return [];
    const own = node.specifiers.filter((each) => !imported.has(each.local.name)).map((each) => each.exported.name);
    return [...declaredBy(node.declaration), ...own].map((name) => ({ name, line: lineAt(node.start) }));
  });
}

function declaredBy(declaration) {
  if (!declaration) return [];
  if (declaration.type !== 'VariableDeclaration') return [declaration.id.name];
  return declaration.declarations.flatMap(({ id }) => {
    const names = [];
    visit(id, (node) => node.type === 'Identifier' && names.push(node.name));
    return names;
  });
}

function targetOf(specifier, from, { packages, known }) {
  if (specifier.startsWith('.')) {
    const path = posix.normalize(posix.join(dirname(from), specifier));
    return known.has(path) ? path : null;
  }
  for (const [name, { member, exports }] of packages) {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) continue;
    const entry = exports[`.${specifier.slice(name.length)}`];
    return typeof entry === 'string' ? posix.join(member, entry) : `${member}/src/index.ts`;
  }
  return null;
}

function visit(node, see) {
  if (see(node) === false) return;
  for (const key in node) {
    const value = node[key];
    if (value === null || typeof value !== 'object') continue;
    if (Array.isArray(value)) {
      for (const each of value) if (typeof each?.type === 'string') visit(each, see);
    } else if (typeof value.type === 'string') visit(value, see);
  }
}

function lineCounter(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
