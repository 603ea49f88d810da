// Which tests a change can break.
import { isTest, reaching } from './import-graph.mjs';
import { partsOfScenarios } from './scenario-parts.mjs';

/** A change to one of these may break anything. */
const EVERYTHING = [
  /^(package|tsconfig\.base)\.json$/,
  /^pnpm-(lock|workspace)\.yaml$/,
  /^[^.].*\/package\.json$/,
  /^\.dev\/(vitest\.config\.ts|property-seed\.ts|setup\.mjs)$/,
  /\/build\.ts$/,
];

/** The index of commands reads this folder at its start instead of importing it; tests in process that reach the index run any of it. */
const COMMANDS = /^controller\/src\/commands\//;
const COMMAND_INDEX = 'controller/src/command-index/command-index.ts';

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

  const standing = withDeleted(graph, changed);
  const reached = reaching(graph, standing);
  const byIndex = [...reached].some((path) => COMMANDS.test(path) && !isTest(path))
    ? reaching(graph, [COMMAND_INDEX])
    : new Set();
  const tests = new Set(all.filter((path) => reached.has(path) || (!path.endsWith('.e2e.ts') && byIndex.has(path))));
  const reasons = tests.size > 0 ? [`${tests.size} files that import or name what changed`] : [];

  const partsOf = partsOfScenarios(graph);
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  for (const path of all.filter((path) => path.endsWith('.e2e.ts') && !tests.has(path))) {
    const reason = reasonToRun(partsOf(path), standing);
    if (reason === null) continue;
    tests.add(path);
    byReason.set(reason, [...(byReason.get(reason) ?? []), path]);
  }
  for (const [reason, paths] of byReason) {
    /** @type {string[]} */
    const names = paths.map(shortName);
    reasons.push(`${paths.length} more ${reason}: ${names.sort().join(', ')}`);
  }
  return { tests: [...tests].sort(), reasons };
}

/** Null where nothing that the scenario runs holds what changed. */
function reasonToRun(parts, changed) {
  for (const { name, files } of parts) {
    const held = changed.filter((path) => files.has(path));
    if (held.length > 0) return `run ${name}, which holds ${held[0]}${held.length > 1 ? ' and others' : ''}`;
  }
  return null;
}

const shortName = (path) => path.slice(path.lastIndexOf('/') + 1).replace('.e2e.ts', '');

/** What a deleted file was imported by can't be seen any more: its folder stands for it. */
function withDeleted(graph, changed) {
  return changed.flatMap((path) => {
    if (graph.paths.has(path)) return [path];
    if (isTest(path)) return [];
    const folder = path.slice(0, path.lastIndexOf('/') + 1);
    return path.endsWith('.ts') && folder !== '' ? [...graph.paths].filter((other) => other.startsWith(folder)) : [];
  });
}
