// Who imports whom in the whole repository, tests and end-to-end scenarios included.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModule, readPackages, repositoryPaths } from '../structure/source-tree.mjs';

const CODE = /\.(ts|mjs|js|py)$/;

/**
 * @typedef {{ imports: Set<string>, text: string }} Module
 * @typedef {{ paths: Set<string>, modules: Map<string, Module> }} ImportGraph
 * @returns {ImportGraph}
 */
export function readImportGraph(root) {
  const paths = new Set(repositoryPaths(root));
  const packages = readPackages(root, paths);
  const modules = new Map();
  for (const path of paths) {
    if (!CODE.test(path)) continue;
    const text = readFileSync(join(root, path), 'utf8');
    const imports = path.endsWith('.py') ? [] : readModule(text, path, { packages, known: paths }).imports;
    modules.set(path, {
      imports: new Set(imports.map(({ target }) => target).filter((target) => target !== null)),
      text,
    });
  }
  return { paths, modules };
}

/**
 * Everything that reaches one of the files: by imports, or, for what is no module of ours (a page, a fixture, a workload), by
 * saying its name.
 * @param {ImportGraph} graph
 * @returns {Set<string>}
 */
export function reaching(graph, files) {
  const importers = new Map();
  for (const [path, { imports }] of graph.modules)
    for (const target of imports) (importers.get(target) ?? importers.set(target, []).get(target)).push(path);
  const found = new Set(files);
  for (const file of found)
    for (const path of [...(importers.get(file) ?? []), ...naming(graph, file)]) found.add(path);
  return found;
}

/** Modules that say the name of a file; for a file among fixtures, the tests beside them; for an example, who names it. */
function naming(graph, file) {
  const fixtures = /^(.*)\/fixtures\//.exec(file)?.[1];
  if (fixtures) return [...graph.modules.keys()].filter((path) => path.startsWith(`${fixtures}/`) && isTest(path));
  const example = /^examples\/([^/]+)\//.exec(file)?.[1];
  if (example) return saying(graph, 'examples/').filter((path) => saying(graph, example).includes(path));
  if (/\.(ts|mjs)$/.test(file)) return [];
  // Every folder may have a README, so that one is named by its folder, too.
  return saying(graph, file.endsWith('README.md') ? file : file.slice(file.lastIndexOf('/') + 1));
}

const saying = (graph, name) => [...graph.modules].filter(([, { text }]) => text.includes(name)).map(([path]) => path);

export const isTest = (path) => /\.(test|e2e)\.ts$/.test(path);

/** Everything that a file imports, itself included. @returns {Set<string>} */
export function closure(graph, file) {
  const found = new Set([file]);
  for (const path of found) for (const target of graph.modules.get(path)?.imports ?? []) found.add(target);
  return found;
}
