import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultRetention } from '@runctl/protocol';
import { RefusedValue } from '../options/values/value-schema.ts';
import { withSettingsTables } from '../testing/settings-page.ts';
import { settingsWith } from './schema.ts';

test('docs/configuration.md has every setting with its flag, meaning and default', async () => {
  const path = fileURLToPath(new URL('../../../docs/configuration.md', import.meta.url));
  await expect(withSettingsTables(await readFile(path, 'utf8'))).toMatchFileSnapshot(path);
});

test('every default is a value that its own schema takes', () => {
  const settings = settingsWith({});
  expect(Object.values(settings).filter((value) => value instanceof RefusedValue)).toEqual([]);
  expect(settings.keep_last).toBe(defaultRetention.last);
});
