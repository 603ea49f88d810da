import { RunctlError } from '@runctl/core';
import { parse } from 'smol-toml';
import { isDeepStrictEqual } from 'node:util';

/** Settings as a file has them. */
export type WrittenSettings = Readonly<Record<string, string | readonly string[]>>;

/**
 * The text of a configuration with these settings in it: where one stands, in a table or not, its line is replaced; the
 * others come before the first table. Everything else stays as it is, comments too. Errors: `config-invalid` for a text that
 * is not understood, or in which a line can't be replaced.
 */
export function withSettings(text: string, settings: WrittenSettings): string {
  let lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const added: string[] = [];
  for (const [key, value] of Object.entries(settings)) {
    const line = `${key} = ${tomlValue(value)}`;
    const at = lines.findIndex((each) => keyOf(each) === key);
    if (at === -1) added.push(line);
    else lines = lines.with(at, line);
  }
  const firstTable = lines.findIndex((line) => /^\s*\[/.test(line));
  const before = firstTable === -1 ? lines : lines.slice(0, firstTable);
  const behind = firstTable === -1 ? [] : lines.slice(firstTable);
  const gap = added.length > 0 && behind.length > 0 && before.length === 0 ? [''] : [];
  const written = `${[...before, ...added, ...gap, ...behind].join('\n')}\n`;
  checkWritten(written, { before: text, settings });
  return written;
}

/** The settings that a text has already, whatever their values are. Errors: `config-invalid`. */
export function settingsIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const tables = parse(text);
    return Object.fromEntries(
      Object.entries(tables).flatMap(([key, value]) => (isTable(value) ? Object.entries(value) : [[key, value]])),
    );
  } catch (error) {
    throw new RunctlError(
      'config-invalid',
      `the configuration is no TOML: ${(error as Error).message.split('\n')[0]}`,
      {
        hint: 'correct it by hand',
        cause: error,
      },
    );
  }
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

function keyOf(line: string): string | null {
  return /^\s*["']?([\w-]+)["']?\s*=/.exec(line)?.[1] ?? null;
}

function tomlValue(value: string | readonly string[]): string {
  return typeof value === 'string'
    ? JSON.stringify(value)
    : `[${value.map((each) => JSON.stringify(each)).join(', ')}]`;
}

/** Whatever the lines looked like: the result must say what it is to say, and all that was said before. */
function checkWritten(
  written: string,
  { before, settings }: { readonly before: string; readonly settings: WrittenSettings },
): void {
  const wanted = { ...settingsIn(before), ...settings };
  let read: unknown;
  try {
    read = settingsIn(written);
  } catch {
    read = null;
  }
  if (isDeepStrictEqual(read, wanted)) return;
  throw new RunctlError('config-invalid', `the configuration can't be changed line by line`, {
    hint: `put into it by hand: ${Object.entries(settings)
      .map(([key, value]) => `${key} = ${tomlValue(value)}`)
      .join(', ')}`,
  });
}
