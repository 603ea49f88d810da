import { defaultTextOf, flagNames } from '../options/declaration/option-declaration.ts';
import { optionGroups, type OptionGroup } from '../options/declaration/option-group.ts';
import { settingDeclarations, type SettingDeclaration } from '../settings/schema.ts';

const BEGIN =
  '<!-- Made from controller/src/options/declared by `npm test -- --project unit controller/src/settings -u`. -->\n';
const END = '<!-- End of what is made. -->';

/** A page with its tables of settings as the declarations have them. */
export function withSettingsTables(page: string): string {
  const [before = '', rest = ''] = page.split(BEGIN);
  const [, after = ''] = rest.split(END);
  return `${before}${BEGIN}\n${settingsTables()}\n${END}${after}`;
}

function settingsTables(): string {
  const declarations = [...settingDeclarations.values()];
  const groups = Object.keys(optionGroups) as OptionGroup[];
  const tables = groups.flatMap((group) => {
    const members = declarations.filter((declaration) => declaration.group === group);
    return members.length === 0 ? [] : [`${headingOf(group)}\n\n${markdownTable(members.map(cellsOf))}`];
  });
  return tables.join('\n');
}

function headingOf(group: OptionGroup): string {
  const { heading, table } = optionGroups[group];
  return `### ${heading.slice(0, 1).toUpperCase()}${heading.slice(1)}: \`[${table ?? ''}]\``;
}

function cellsOf(declaration: SettingDeclaration): string[] {
  const { key, help, more } = declaration;
  const flag = flagNames(declaration).map((name) => `\`${name}\``);
  return [`\`${key}\``, flag.join(' '), more === undefined ? help : `${help}; ${more}`, defaultCell(declaration)];
}

function defaultCell(declaration: SettingDeclaration): string {
  if (declaration.defaultText === undefined && declaration.default !== undefined)
    return `\`${String(declaration.default)}\``;
  return defaultTextOf(declaration) ?? 'none';
}

/** Columns as wide as their widest cell, as Prettier has them. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const all = [
    ['key', 'flag', 'meaning', 'default'],
    ...rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|'))),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |\n`;
  const [head = [], ...body] = all;
  return line(head) + line(widths.map((width) => '-'.repeat(width))) + body.map(line).join('');
}
