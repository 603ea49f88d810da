import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

interface Line {
  readonly what: string;
  readonly attack: string;
}

/** The lines of the page's tables, without their heads. */
function linesOf(page: string): Line[] {
  const tables = page.split(/\n\n/).filter((block) => block.startsWith('|'));
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((line) => {
        const cells = line.split('|').map((cell) => cell.trim());
        return { what: cells[1] ?? '', attack: cells[4] ?? '' };
      }),
  );
}

/** Why the line's attack cannot be believed, or null: it names a test file and words of a test in it. */
function problemOf({ what, attack }: Line): string | null {
  const [, path = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(attack) ?? [];
  if (!/\.(?:test|e2e)\.ts$/.test(path)) return `${what}: names no test (${attack})`;
  if (!existsSync(join(repository, path))) return `${what}: there is no ${path}`;
  return readFileSync(join(repository, path), 'utf8').includes(title)
    ? null
    : `${what}: ${path} has no test '${title}'`;
}

test('every line of docs/security.md names a test that attacks it', () => {
  const lines = linesOf(readFileSync(join(repository, 'docs/security.md'), 'utf8'));
  expect(lines.length).toBeGreaterThan(15);
  expect(lines.map(problemOf).filter((problem) => problem !== null)).toEqual([]);
});

test.each([
  ['no test', { what: 'a', attack: 'by hand' }],
  ['a file that is gone', { what: 'a', attack: '`packages/gone/src/gone.test.ts`: x' }],
  [
    'a test that is gone',
    { what: 'a', attack: '`controller/src/adapters/documented-security.test.ts`: 1 and 1 is 3'.replace('3', '4') },
  ],
])('a line with %s is found', (_, line) => {
  expect(problemOf(line)).not.toBeNull();
});
