import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const source = join(import.meta.dirname, '..');

/** Files of the controller, tests aside, whose text has this in it. */
async function filesWith(pattern: RegExp): Promise<string[]> {
  const files = await readdir(source, { recursive: true });
  const code = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).sort();
  const texts = await Promise.all(code.map((file) => readFile(join(source, file), 'utf8')));
  return code.filter((_, index) => pattern.test(texts[index] ?? ''));
}

test('only the composition root reads the environment of the process', async () => {
  expect(await filesWith(/process\.env/)).toEqual(['cli/process.ts']);
});

test('base folders are found in one place, which leaves out a relative one', async () => {
  expect(await filesWith(/\bXDG_\w+'\]|\.XDG_/)).toEqual([]);
});

test('nothing writes to the environment of the process: one process may hold two clouds', async () => {
  const writes = /delete process\.env|process\.env(\[[^\]]*\]|\.\w+)?\s*(=(?!=)|\?\?=|\|\|=)|assign\(\s*process\.env/;
  expect(await filesWith(writes)).toEqual([]);
  expect(
    ["delete process.env['A']", "process.env['A'] = 'b'", 'process.env.A ??= b'].every((text) => writes.test(text)),
  ).toBe(true);
});
