import { RunctlError, nearest } from '@runctl/core';
import { RefusedValue } from '../options/values/value-schema.ts';
import { wrongValue, type ValuePlace } from '../options/values/wrong-value.ts';
import { settingDeclarations, settingKeys, type Settings } from './schema.ts';

/** Settings as one file or the environment has them, not yet read. */
export interface SettingsSource {
  /** What an error calls it. */
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Where the value of a key stands. */
  readonly place: (key: string) => ValuePlace;
}

/** The settings of a source. Errors: `config-invalid` with the place, the key and, for an unknown one, the nearest. */
export function readSource(source: SettingsSource): Partial<Settings> {
  const read: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(source.values)) {
    const declaration = settingDeclarations.get(key);
    if (declaration === undefined) throw unknownKey(key, source);
    const value = declaration.schema.read(given);
    if (value instanceof RefusedValue)
      throw wrongValue(source.place(key), declaration.schema, { given, refused: value });
    read[key] = value;
  }
  return read;
}

function unknownKey(key: string, source: SettingsSource): RunctlError {
  const close = nearest(key.replaceAll('-', '_'), settingKeys);
  return new RunctlError('config-invalid', `${source.name}: there is no setting "${key}"`, {
    hint: close === null ? `the settings are ${settingKeys.join(', ')}` : `did you mean "${close}"?`,
  });
}
