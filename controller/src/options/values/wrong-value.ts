import { RunctlError, assertNever } from '@runctl/core';
import type { RefusedValue, ValueSchema } from './value-schema.ts';

/** Where a value was given, as the person who wrote it calls it. */
export type ValuePlace =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string; readonly key: string; readonly table?: string };

/** The error for a value that `schema` refused: where it was given, what it takes, what it was, and one that would do. */
export function wrongValue(
  place: ValuePlace,
  schema: ValueSchema<unknown>,
  wrong: { readonly given: unknown; readonly refused: RefusedValue },
): RunctlError {
  const { given, refused } = wrong;
  const message = `${placeName(place)} takes ${refused.takes ?? schema.takes}, not ${quoted(refused.part ?? given)}`;
  return new RunctlError(place.kind === 'flag' ? 'usage' : 'config-invalid', message, {
    hint: hint(place, schema, wrong),
  });
}

/** What an error calls a place. */
export function placeName(place: ValuePlace): string {
  switch (place.kind) {
    case 'flag':
      return place.name;
    case 'variable':
      return `${place.name} in the environment`;
    case 'file':
      return place.table === undefined
        ? `${place.key} in ${place.path}`
        : `${place.key} of [${place.table}] in ${place.path}`;
    default:
      return assertNever(place);
  }
}

function hint(
  place: ValuePlace,
  schema: ValueSchema<unknown>,
  { given, refused }: { readonly given: unknown; readonly refused: RefusedValue },
): string {
  if (refused.meant !== undefined) return `did you mean ${written(place, schema, refused.meant)}?`;
  const example = `for example ${written(place, schema, schema.example)}`;
  const isEmpty = [given].flat().some((text) => typeof text === 'string' && text.trim() === '');
  return isEmpty ? `${EMPTY[place.kind]}; ${example}` : example;
}

/** What most often is behind an empty value. */
const EMPTY = {
  flag: 'if it comes from a shell variable, that is empty',
  variable: 'unset it to leave the choice to the file or the default',
  file: 'leave the line out for the default',
} as const;

/** A value as it would be written at this place. */
function written(place: ValuePlace, schema: ValueSchema<unknown>, value: string): string {
  if (place.kind === 'flag') return `${place.name} ${forShell(value)}`;
  if (place.kind === 'variable') return `${place.name}=${forShell(value)}`;
  const isBare = schema.valueName === null || typeof schema.read(Number(value)) === 'number';
  const text = isBare ? value : JSON.stringify(value);
  return `${place.key} = ${schema.repeatable === true ? `[${text}]` : text}`;
}

/** In quotes where a shell would change it. */
function forShell(value: string): string {
  if (/[\\$`"]/.test(value)) return `'${value}'`;
  return /[\s{}*']/.test(value) ? `"${value}"` : value;
}

/** As JSON, cut where it is long. A list of one is shown as that one. */
function quoted(given: unknown): string {
  const text = JSON.stringify(Array.isArray(given) && given.length === 1 ? given[0] : given) ?? String(given);
  return text.length <= 80 ? text : `${text.slice(0, 77)}…"`;
}
