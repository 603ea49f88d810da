// Conformance suites by name, and the tests that hold an implementation to one.
import { isTest } from './import-graph.mjs';

/**
 * Each `conformance.ts` by the folder that it stands in; a suite at the top of a package, or of its `port`, has the package's name.
 * @param {import('./import-graph.mjs').ImportGraph} graph
 * @returns {Map<string, string>}
 */
export function conformanceSuites(graph) {
  const suites = [...graph.modules.keys()].filter((path) => path.endsWith('/conformance.ts'));
  return new Map(suites.map((path) => [nameOf(path), path]));
}

const nameOf = (path) =>
  path
    .split('/')
    .slice(0, -1)
    .findLast((folder) => folder !== 'src' && folder !== 'port');

/**
 * @param {import('./import-graph.mjs').ImportGraph} graph
 * @returns {{ tests: string[], reasons: string[] }}
 */
export function chooseConformance(graph, name) {
  const suites = conformanceSuites(graph);
  const suite = suites.get(name);
  if (suite === undefined)
    throw new Error(
      `no conformance suite is called ${name ?? 'so'}; there are ${[...suites.keys()].sort().join(', ')}`,
    );
  const tests = [...graph.modules]
    .filter(([path, { imports }]) => isTest(path) && imports.has(suite))
    .map(([path]) => path);
  return { tests: tests.sort(), reasons: [`${tests.length} files that hold an implementation to ${suite}`] };
}
