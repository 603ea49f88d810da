import { RunctlError, nearest } from '@runctl/core';
import { RefusedValue } from '../options/values/value-schema.ts';
import { placeName, wrongValue, type ValuePlace } from '../options/values/wrong-value.ts';
import { settingDeclarations, settingKeys, type Settings } from './schema.ts';

/** One setting as a file or the environment has it, not yet read. */
export interface GivenSetting {
  readonly key: string;
  readonly given: unknown;
  readonly place: ValuePlace;
}

/**
 * The settings of one source. Errors: `config-invalid` with the place, the key and, for an unknown one, the nearest; also
 * for a setting that stands in two places with different values.
 */
export function readSource(source: readonly GivenSetting[]): Partial<Settings> {
  const read = new Map<string, { readonly value: unknown; readonly place: ValuePlace }>();
  for (const { key, given, place } of source) {
    const value = readSetting({ key, given, place });
    const other = read.get(key);
    if (other !== undefined && JSON.stringify(other.value) !== JSON.stringify(value))
      throw new RunctlError('config-invalid', `${placeName(other.place)} and ${placeName(place)} differ`, {
        hint: 'leave one of them out',
      });
    read.set(key, { value, place });
  }
  return Object.fromEntries([...read].map(([key, { value }]) => [key, value]));
}

function readSetting({ key, given, place }: GivenSetting): unknown {
  const declaration = settingDeclarations.get(key);
  if (declaration === undefined) throw unknownSetting(key, place.kind === 'file' ? place.path : 'the environment');
  const value = declaration.schema.read(given);
  if (value instanceof RefusedValue) throw wrongValue(place, declaration.schema, { given, refused: value });
  return value;
}

function unknownSetting(key: string, where: string): RunctlError {
  const close = nearest(key.replaceAll('-', '_'), settingKeys);
  return new RunctlError('config-invalid', `${where}: there is no setting "${key}"`, {
    hint: close === null ? `the settings are ${settingKeys.join(', ')}` : `did you mean "${close}"?`,
  });
}
