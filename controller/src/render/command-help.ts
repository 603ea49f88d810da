import type { Definition } from 'clipanion';
import { optionGroups } from '../options/declaration/option-group.ts';
import type { ListedOption } from '../options/declaration/options-of.ts';

/** `runctl help <command>`: its options by group, those that every command has last. */
export function commandHelp(
  definition: Definition,
  options: { readonly own: readonly ListedOption[]; readonly everywhere: readonly ListedOption[] },
): string {
  const own = options.own.filter(({ hidden }) => !hidden);
  const width = Math.max(0, ...[...own, ...options.everywhere].map((option) => spelling(option).length));
  const list = (listed: readonly ListedOption[]): string =>
    listed.map((option) => `  ${spelling(option).padEnd(width)}  ${explanation(option)}`.trimEnd()).join('\n');
  const groups = Object.entries(optionGroups).map(([group, { heading }]) => {
    const inside = own.filter((option) => option.group === group);
    return inside.length === 0 ? '' : `${heading}:\n${list(inside)}`;
  });
  const examples = definition.examples?.map(([what, line]) => `  ${what.trim()}\n    ${line}`) ?? [];
  const parts = [
    `usage: ${definition.usage.replaceAll('...', '[-- argument …]')} [options]`,
    (definition.description ?? '').trim(),
    definition.details?.trim() ?? '',
    ...groups,
    `everywhere:\n${list(options.everywhere)}`,
    examples.length === 0 ? '' : `examples:\n${examples.join('\n')}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** `-c, --config FILE` */
function spelling({ flags, valueName }: ListedOption): string {
  return flags.join(', ') + (valueName === null ? '' : ` ${valueName}`);
}

function explanation({ help, defaultText }: ListedOption): string {
  return defaultText === null ? help : `${help} (default: ${defaultText})`;
}
