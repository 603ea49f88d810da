import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { FileSeen } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';
import { Arrivals } from './arrivals.ts';

const file = (path: string, version = 1): FileSeen => ({
  path,
  sizeBytes: version,
  mtimeMs: version,
  ctimeMs: version,
  inode: path,
  mode: 0o644,
});

/** Looks at a folder whose files somebody has open for writing as `open` says. */
function looking() {
  const open = new Set<string>();
  const clock = new FakeClock();
  const openWriters = { among: () => Promise.resolve<ReadonlySet<string> | null>(open) };
  const arrivals = new Arrivals({ clock, openWriters });
  const look = (...files: FileSeen[]): Promise<void> => arrivals.look({ files });
  return { arrivals, clock, look, open, openWriters };
}

test('what was there at the first look has not arrived, what comes later has', async () => {
  const { arrivals, look } = looking();
  await look(file('old'));
  expect(arrivals.arrived).toEqual(new Set());
  await look(file('old'), file('new'));
  expect(arrivals.arrived).toEqual(new Set(['new']));
  await look(file('old', 2), file('new'));
  expect(arrivals.arrived).toEqual(new Set(['new']));
});

test('a file that changes after it was seen closed is of two saves, one that was open is of one', async () => {
  const { arrivals, look, open } = looking();
  await look();
  open.add('grows');
  await look(file('grows', 1), file('again', 1));
  expect(arrivals.seenClosed.has('grows')).toBe(false);
  open.clear();
  await look(file('grows', 2), file('again', 2));
  expect(arrivals.arrived).toEqual(new Set(['grows']));
  expect(arrivals.seenClosed.get('grows')?.fingerprint).toBe(fingerprintOf(file('grows', 2)));
  await look(file('grows', 2));
  await look(file('grows', 2), file('again', 3));
  expect(arrivals.arrived).toEqual(new Set(['grows', 'again']));
});

test('tells since when a file is known to be closed as it is', async () => {
  const { arrivals, clock, look } = looking();
  await look(file('a'));
  const seenAtMs = clock.wallMs();
  await clock.advance(1000);
  await look(file('a'));
  expect(arrivals.seenClosed.get('a')?.atMs).toBe(seenAtMs);
  await look(file('a', 2));
  expect(arrivals.seenClosed.get('a')?.atMs).toBe(seenAtMs + 1000);
  await look();
  expect(arrivals.seenClosed.size).toBe(0);
});

test('after a script has changed files of a durable checkpoint nothing of it counts as having arrived', async () => {
  const { arrivals, look } = looking();
  await look();
  await look(file('a'), file('b'));
  arrivals.published([file('a')]);
  await look(file('a'), file('b', 2));
  expect(arrivals.arrived).toEqual(new Set(['a']));
  await look(file('a', 2), file('b', 2), file('c'));
  expect(arrivals.arrived).toEqual(new Set());
});

test('where nobody can tell who writes, nothing was seen closed', async () => {
  const { arrivals, look, openWriters } = looking();
  openWriters.among = () => Promise.resolve(null);
  await look(file('a'));
  expect(arrivals.seenClosed.size).toBe(0);
});

test('a look that another has overtaken notes nothing', async () => {
  const { arrivals, look, openWriters } = looking();
  await look(file('a'));
  const answer = Promise.withResolvers<ReadonlySet<string>>();
  openWriters.among = () => answer.promise;
  const older = look(file('a', 2));
  openWriters.among = () => Promise.resolve(new Set());
  await look(file('a', 2), file('b'));
  answer.resolve(new Set());
  await older;
  await look(file('a', 2), file('b', 2));
  expect(arrivals.arrived).toEqual(new Set());
});
