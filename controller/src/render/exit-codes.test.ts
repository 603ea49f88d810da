import { errorCatalog, exitCodes } from '@runctl/core';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';

describe('exit codes', () => {
  test("README's table names every code with its meaning, and no other", async () => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
    const section = /<!-- exit-codes -->([^]*?)<!-- \/exit-codes -->/.exec(readme)?.[1];
    const rows = [...(section ?? '').matchAll(/^\| *(\d+) *\| *(.*?) *\|$/gm)].map(([, code, meaning]) => [
      Number(code),
      meaning,
    ]);
    expect(Object.fromEntries(rows)).toEqual(exitCodes);
  });

  test('every error has an exit code with a meaning', () => {
    for (const [code, exitCode] of Object.entries(errorCatalog))
      expect([code, exitCodes[exitCode]]).not.toContain(undefined);
  });
});
