import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { settingKeys } from './schema.ts';

test('docs/configuration.md has every setting, in the same order, and no other', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z_]+)`/gm)].map((match) => match[1]);
  expect(documented).toEqual(settingKeys);
});
