import { RunctlError, nearest } from '@runctl/core';
import { optionGroups } from '../options/declaration/option-group.ts';
import { settingDeclarations } from './schema.ts';
import type { GivenSetting } from './source.ts';

/** Tables in which settings may stand, with the keys of each. */
const tables: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(optionGroups).flatMap(([group, { table }]) => {
    const members = [...settingDeclarations.values()].filter((declaration) => declaration.group === group);
    return table === null ? [] : [[table, members.map(({ key }) => key)] as const];
  }),
);

/**
 * The settings of a parsed file, whether they stand in a table (`[checkpoint]`, `keep_last = 5`) or outside. Errors:
 * `config-invalid` for an unknown table, and for a key that is none of its table, naming the nearest.
 */
export function settingsOfFile(path: string, parsed: Readonly<Record<string, unknown>>): GivenSetting[] {
  return Object.entries(parsed).flatMap(([key, given]) => {
    if (!isTable(given) || settingDeclarations.has(key)) return [{ key, given, place: { kind: 'file', path, key } }];
    return Object.entries(given).map(([inner, value]) => {
      checkMember(path, key, inner);
      return { key: inner, given: value, place: { kind: 'file', path, key: inner, table: key } };
    });
  });
}

const isTable = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given) && !(given instanceof Date);

function checkMember(path: string, table: string, key: string): void {
  const members = tables.get(table);
  if (members === undefined) {
    const close = nearest(table, tables.keys());
    const all = [...tables.keys()].map((name) => `[${name}]`).join(', ');
    throw new RunctlError('config-invalid', `${path}: there is no table [${table}]`, {
      hint: close === null ? `the tables are ${all}` : `did you mean [${close}]?`,
    });
  }
  if (members.includes(key)) return;
  const close = nearest(key.replaceAll('-', '_'), members);
  throw new RunctlError('config-invalid', `${path}: there is no setting "${key}" in [${table}]`, {
    hint: close === null ? elsewhere(table, key) : `did you mean "${close}"?`,
  });
}

function elsewhere(table: string, key: string): string {
  const home = [...tables].find(([, members]) => members.includes(key))?.[0];
  if (home !== undefined) return `it stands in [${home}], or above all tables`;
  return `[${table}] takes ${tables.get(table)?.join(', ') ?? ''}`;
}
