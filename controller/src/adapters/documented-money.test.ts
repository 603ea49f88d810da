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

/** Calls that look, end something, or go with one that makes something. */
const COSTS_NOTHING = /^(Decode|Describe|Get|List|Head|Delete|Terminate|Abort|Remove|Pass|TagRole|TagInstanceProfile)/;

test('no call that makes something is missing in docs/money.md', () => {
  const sources = globSync(['controller/src/**/*.ts', 'packages/{provider,operations}/src/**/*.ts'], {
    cwd: repository,
    exclude: ['**/*.test.ts', '**/testing/**'],
  });
  expect(sources.length).toBeGreaterThan(100);
  const sent = sources.flatMap((path) => {
    const text = readFileSync(join(repository, path), 'utf8');
    return [...text.matchAll(/new (\w+)Command\(|\.call\('(\w+)'/g)].map(([, bySdk, byWire]) => bySdk ?? byWire ?? '');
  });
  // What is sent without a name in the code, as the bucket of `init --cloud`, needs a right with one.
  const rights = readFileSync(join(repository, 'docs/aws-account.md'), 'utf8');
  const granted = [...rights.matchAll(/^```json\n(.*?)^```/gms)].flatMap(([, policy = '']) => {
    const { Statement } = JSON.parse(policy) as { Statement: { Action: string | string[] }[] };
    return Statement.flatMap(({ Action }) => Action).map((action) => action.replace(/^\w+:/, ''));
  });
  const costing = [...new Set([...sent, ...granted])].filter((name) => !COSTS_NOTHING.test(name));
  expect(costing).toEqual(
    expect.arrayContaining(['CreateFleet', 'CreateRole', 'CreateServiceLinkedRole', 'CreateBucket']),
  );
  expect(costing.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
