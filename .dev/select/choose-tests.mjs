// Which tests a change can break.
import { closure, isTest, reaching } from './import-graph.mjs';

/** A change to one of these may break anything. */
const EVERYTHING = [
  /^(package|tsconfig\.base)\.json$/,
  /^pnpm-(lock|workspace)\.yaml$/,
  /^[^.].*\/package\.json$/,
  /^\.dev\/(vitest\.config\.ts|property-seed\.ts|setup\.mjs)$/,
  /\/build\.ts$/,
];
const BUNDLES = ['agent/src/main.ts', 'controller/src/main.ts'];
/** A scenario that reaches it runs what is built: the controller, which carries the agent and the local cloud. */
const RUNS_BUNDLES = 'e2e/support/runctl.ts';

/**
 * @param {import('./import-graph.mjs').ImportGraph} graph
 * @param {string[]} changed paths in the repository, deleted ones included
 * @returns {{ tests: string[], reasons: string[] }}
 */
export function chooseTests(graph, changed) {
  const all = [...graph.modules.keys()].filter(isTest);
  const sweeping = changed.find((path) => EVERYTHING.some((pattern) => pattern.test(path)));
  if (sweeping !== undefined)
    return { tests: all, reasons: [`all ${all.length} files: ${sweeping} may break anything`] };

  const reached = reaching(graph, withDeleted(graph, changed));
  const tests = new Set(all.filter((path) => reached.has(path)));
  const reasons = tests.size > 0 ? [`${tests.size} files that import or name what changed`] : [];

  const built = new Set(BUNDLES.flatMap((entry) => [...closure(graph, entry)]));
  const changedInBundles = changed.filter((path) => built.has(path));
  if (changedInBundles.length > 0) {
    const scenarios = all.filter((path) => path.endsWith('.e2e.ts') && closure(graph, path).has(RUNS_BUNDLES));
    const added = scenarios.filter((path) => !tests.has(path));
    for (const path of added) tests.add(path);
    const some = changedInBundles.slice(0, 3).join(', ') + (changedInBundles.length > 3 ? ', …' : '');
    reasons.push(`${added.length} more scenarios: the bundles that they run contain ${some}`);
  }
  return { tests: [...tests].sort(), reasons };
}

/** What a deleted file was imported by can't be seen any more: its folder stands for it. */
function withDeleted(graph, changed) {
  return changed.flatMap((path) => {
    if (graph.paths.has(path)) return [path];
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    return path.endsWith('.ts') && folder !== '' ? [...graph.paths].filter((other) => other.startsWith(folder)) : [];
  });
}
