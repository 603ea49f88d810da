// What of the built bundles a scenario runs: the command line, the commands that it names, and the agent.
import { closure, isTest } from './import-graph.mjs';

const MAIN = 'controller/src/main.ts';
const AGENT = 'agent/src/main.ts';
/** A build reads this folder instead of importing it, so that a command is loaded only when it is asked for. */
const COMMAND = /^controller\/src\/commands\/(.+)\.ts$/;
/** A scenario that reaches it runs the built command line. */
const RUNS_BUNDLES = 'e2e/support/runctl.ts';
/** A command that reaches it boots machines, on which the agent runs. */
const LAUNCHES = 'packages/operations/src/launch/start-launch.ts';

/**
 * @typedef {{ name: string, files: Set<string> }} Part
 * @param {import('./import-graph.mjs').ImportGraph} graph
 * @returns {(scenario: string) => Part[]} what a scenario runs; empty where it runs no bundle
 */
export function partsOfScenarios(graph) {
  const main = { name: 'the command line', files: closure(graph, MAIN) };
  const agent = { name: 'the agent', files: closure(graph, AGENT) };
  const commands = [...graph.modules.keys()]
    .filter((path) => COMMAND.test(path) && !isTest(path))
    .map((path) => {
      const words = COMMAND.exec(path)?.[1]?.split('/') ?? [];
      return { name: `runctl ${words.join(' ')}`, words, files: closure(graph, path) };
    });
  return (scenario) => {
    const reached = closure(graph, scenario);
    const text = [...reached]
      .filter((path) => path.startsWith('e2e/'))
      .map((path) => graph.modules.get(path)?.text ?? '')
      .join('\n');
    const runsCommands = reached.has(RUNS_BUNDLES);
    const named = runsCommands ? commands.filter(({ words }) => words.every((word) => says(text, word))) : [];
    // One that names none may run any.
    const run = runsCommands && named.length === 0 ? commands : named;
    const runsAgent = text.includes('agent.mjs') || run.some(({ files }) => files.has(LAUNCHES));
    return [...(runsCommands ? [main] : []), ...run, ...(runsAgent ? [agent] : [])];
  };
}

/** As an argument of its own (`'launch'`), or in a line of shell behind the program's name. */
function says(text, word) {
  return new RegExp(`(['"\`])${word}\\1|(?:runctl|entry)[^\\n]{0,120}\\b${word}\\b`).test(text);
}
