import type { RunctlError } from '@runctl/core';
import { flagNames, variableOf, type OptionDeclaration } from '../options/declaration/option-declaration.ts';
import { RefusedValue } from '../options/values/value-schema.ts';
import { wrongValue, type ValuePlace } from '../options/values/wrong-value.ts';

/** What people write by mistake: nothing, another kind, out of range, in another unit, a path that climbs. */
const SLIPS: readonly string[] = [
  '',
  'x',
  'many',
  'Auto',
  '-1',
  '0',
  '1.5',
  '1e400',
  '0x10',
  '$0',
  '1ms',
  '-5s',
  '5 minutes',
  '999999d',
  '99999999999d',
  '..',
  '../..',
  '/',
  '.',
  '/etc',
  'a b',
  '=3',
  'loss:low',
  '192.168.0.1',
  'My_Bucket',
  'us-east',
  'p'.repeat(300),
];

/** Slips that an option refuses, each that is told differently once. */
export function refusedSlips(
  declaration: OptionDeclaration,
  place: ValuePlace,
): readonly (readonly [string, RunctlError])[] {
  const told = new Map<string, readonly [string, RunctlError]>();
  for (const slip of SLIPS) {
    const given = declaration.schema.repeatable === true ? [slip] : slip;
    const refused = declaration.schema.read(given);
    if (!(refused instanceof RefusedValue)) continue;
    const error = wrongValue(place, declaration.schema, { given, refused });
    const words = `${error.message.replace(/, not .*/s, '')}\n${error.hint}`;
    if (!told.has(words)) told.set(words, [slip, error]);
  }
  return [...told.values()];
}

/** Where the value of a declaration may stand: its flag, and for a setting a file and a variable. */
export function placesOf(declaration: OptionDeclaration): readonly ValuePlace[] {
  const name = flagNames(declaration).at(-1);
  const { key } = declaration;
  return [
    ...(name === undefined ? [] : [{ kind: 'flag', name } as const]),
    ...(key === undefined
      ? []
      : ([
          { kind: 'file', path: '.runctl.toml', key },
          { kind: 'variable', name: variableOf(key) },
        ] as const)),
  ];
}
