import type { Definition } from 'clipanion';
import { WITHOUT_EFFECT } from '../options/declaration/option.ts';
import type { CommandSummary } from './command-summary.ts';

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

/** `runctl <word> --help` for the first word of several commands. */
export function groupHelp(entries: readonly CommandSummary[]): string {
  const names = entries.map((entry) => entry.path.join(' '));
  const width = Math.max(...names.map((name) => name.length));
  const word = entries[0]?.path[0] ?? '';
  const lines = entries.map((entry, index) => `  ${(names[index] ?? '').padEnd(width)}  ${entry.summary}`);
  return `usage: runctl ${word} <command> [options]\n\n${lines.join('\n')}\n\nrunctl ${word} <command> --help tells more of one.\n`;
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
