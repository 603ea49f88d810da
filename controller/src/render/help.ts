import { sections, type CommandEntry, type CommandSummaries, type CommandSummary } from '../catalog/command-entry.ts';

/** `runctl help`: commands of one word and groups, by section. */
export function overview({ commands, groups }: CommandSummaries, version: string): string {
  const shown = commands.filter((entry) => !entry.hidden);
  const rows = [
    ...shown
      .filter((entry) => entry.path.length === 1)
      .map(({ path, section, summary }) => ({ name: path.join(' '), section, summary })),
    ...Object.entries(groups).map(([name, { section, summary }]) => ({
      name: `${name} …`,
      section,
      summary: `${summary}: ${nextWordsIn(shown, name).join(', ')}`,
    })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const width = Math.max(...rows.map(({ name }) => name.length));
  const parts = Object.entries(sections).map(([section, heading]) => {
    const lines = rows
      .filter((row) => row.section === section)
      .map((row) => `  ${row.name.padEnd(width)}  ${row.summary}`);
    return lines.length === 0 ? '' : `${heading}\n${lines.join('\n')}\n\n`;
  });
  return `runctl ${version}: train on EC2 Spot as if nothing were ever interrupted

usage: runctl <command> [options]

${parts.join('')}runctl help <command>   options and examples of a command, or the commands of a group
everywhere: -c/--config FILE  -v/--verbose  --json  --sandbox
try it without an AWS account: runctl drill train.py
`;
}

function nextWordsIn(shown: readonly CommandSummary[], group: string): string[] {
  const words = group.split(' ');
  const inside = shown.filter(
    ({ path }) => path.length > words.length && path.slice(0, words.length).join(' ') === group,
  );
  return [...new Set(inside.map(({ path }) => path[words.length] ?? ''))];
}

/** `runctl help <group>`: every command whose path begins with these words. */
export function groupHelp(path: readonly string[], entries: readonly CommandEntry[], summary: string): string {
  const names = entries.map((entry) => entry.path.join(' '));
  const width = Math.max(...names.map((name) => name.length));
  const lines = entries.map((entry, index) => `  ${(names[index] ?? '').padEnd(width)}  ${entry.summary}`);
  const word = path.join(' ');
  return `usage: runctl ${word} <command> [options]\n\n${summary}\n\n${lines.join('\n')}\n\nrunctl help ${word} <command> tells more of one.\n`;
}
