import type { Definition } from 'clipanion';
import { WITHOUT_EFFECT } from '../options/declaration/option.ts';
import { sections, type CommandEntry, type CommandIndex, type CommandSummary } from '../catalog/command-entry.ts';

/** Options that every command has; shown last. */
const GLOBAL = new Set([
  '--config',
  '--verbose',
  '--json',
  '--output',
  '--sandbox',
  '--state',
  '--bucket',
  '--prefix',
  '--region',
  '--profile',
]);

type OptionDefinition = Definition['options'][number];

/** `-c` and `--config` of `-c,--config #0`. */
export function optionNames(option: OptionDefinition): string[] {
  return (option.definition.split(' ')[0] ?? '').split(',');
}

/** `runctl help`: commands of one word and groups, by section. */
export function overview({ commands, groups }: CommandIndex, version: string): string {
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
/** `runctl <command> --help`. */
export function commandHelp(definition: Definition, entry: CommandSummary): string {
  const isGlobal = (option: OptionDefinition): boolean => optionNames(option).some((name) => GLOBAL.has(name));
  const visible = definition.options.filter((option) => option.description !== WITHOUT_EFFECT);
  const own = visible.filter((option) => !isGlobal(option));
  const shown = (option: OptionDefinition): string => option.definition.replace(/ #\d+/, ' VALUE').replace(',', ', ');
  const width = Math.max(0, ...visible.map((option) => shown(option).length));
  const list = (options: readonly OptionDefinition[]): string =>
    options.map((option) => `  ${shown(option).padEnd(width)}  ${option.description ?? ''}`.trimEnd()).join('\n');
  const examples = definition.examples?.map(([what, line]) => `  ${what.trim()}\n    ${line}`) ?? [];
  const sections = [
    `usage: ${definition.usage.replaceAll('...', '[-- argument …]')} [options]`,
    (definition.description ?? entry.summary).trim(),
    definition.details?.trim() ?? '',
    own.length === 0 ? '' : `options:\n${list(own)}`,
    `everywhere:\n${list(visible.filter(isGlobal))}`,
    examples.length === 0 ? '' : `examples:\n${examples.join('\n')}`,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}
