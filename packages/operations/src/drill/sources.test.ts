import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { readSources } from './sources.ts';

test('of the files beside a script those count that it names', async () => {
  await using folder = await temporaryFolder();
  const texts = { 'run.sh': 'exec python3 train.py\n', 'train.py': 'import model', 'other.py': 'import lightning' };
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder.path, name), text);
  expect(await readSources({ root: folder.path, script: 'run.sh' })).toEqual([texts['run.sh'], texts['train.py']]);
  expect(await readSources({ root: folder.path, script: 'gone.py' })).toEqual([]);
});
