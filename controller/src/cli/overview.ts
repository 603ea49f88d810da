import { commandTable } from './command-table.ts';

/** `runctl --help`. */
export function overview(version: string): string {
  const shown = commandTable.filter((entry) => entry.hidden !== true);
  const width = Math.max(...shown.map((entry) => entry.path.join(' ').length));
  const lines = shown.map((entry) => `  ${entry.path.join(' ').padEnd(width)}  ${entry.summary}`);
  return `runctl ${version}: train on EC2 Spot as if nothing were ever interrupted

usage: runctl <command> [options]

${lines.join('\n')}

  runctl <command> --help   options and examples of a command

everywhere: -c/--config FILE  -v/--verbose  --json  --sandbox
try it without an AWS account: runctl drill train.py
`;
}
