import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problemOf, repository, tableLines } from '../testing/documented-tests.ts';

test('every line of docs/security.md names a test that attacks it', () => {
  const lines = tableLines(readFileSync(join(repository, 'docs/security.md'), 'utf8'));
  expect(lines.length).toBeGreaterThan(15);
  const problems = lines.map((cells) => problemOf({ what: cells[1] ?? '', shownBy: cells[4] ?? '' }));
  expect(problems.filter((problem) => problem !== null)).toEqual([]);
});

test.each([
  ['no test', { what: 'a', shownBy: 'by hand' }],
  ['a file that is gone', { what: 'a', shownBy: '`packages/gone/src/gone.test.ts`: x' }],
  [
    'a test that is gone',
    { what: 'a', shownBy: '`controller/src/adapters/documented-security.test.ts`: 1 and 1 is 3'.replace('3', '4') },
  ],
])('a line with %s is found', (_, line) => {
  expect(problemOf(line)).not.toBeNull();
});
