import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problemOf, repository, tableLines } from '../testing/documented-tests.ts';

const page = readFileSync(join(repository, 'docs/money.md'), 'utf8');

test('every line of docs/money.md says who, by what right, when, for how much, and by which test', () => {
  const lines = tableLines(page);
  expect(lines.length).toBeGreaterThan(12);
  for (const cells of lines) expect(cells.slice(1, 6).filter((cell) => cell === '')).toEqual([]);
  const problems = lines.map((cells) => problemOf({ what: cells[1] ?? '', shownBy: cells[6] ?? '' }));
  expect(problems.filter((problem) => problem !== null)).toEqual([]);
});

/** Calls that look, or end something. */
const COSTS_NOTHING = /^(Describe|Get|List|Head|Delete|Terminate|Abort)/;

test('no call that makes something is missing in docs/money.md', () => {
  const sources = globSync(['controller/src/**/*.ts', 'packages/{provider,operations}/src/**/*.ts'], {
    cwd: repository,
    exclude: ['**/*.test.ts', '**/testing/**'],
  });
  expect(sources.length).toBeGreaterThan(100);
  const made = sources.flatMap((path) => {
    const text = readFileSync(join(repository, path), 'utf8');
    return [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name);
  });
  const costing = [...new Set(made)].filter((name) => !COSTS_NOTHING.test(name));
  expect(costing).toContain('CreateFleet');
  expect(costing.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
