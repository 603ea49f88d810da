import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@runctl/core';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { showSign, showSignsOfLife } from './signs-of-life.ts';

test('each sign differs from the one before, until the agent ends', async () => {
  await using folder = await temporaryFolder('signs');
  const clock = new FakeClock();
  const paths = { alive: join(folder.path, 'alive'), probe: join(folder.path, 'probe') };
  const end = new AbortController();
  const shown = showSignsOfLife({ clock, log: silentLog, paths, pid: 7, everyMs: 1000 }, end.signal);
  const sign = (text: string) =>
    eventually(text, async () => (await readFile(paths.alive, 'utf8').catch(() => '')) === text);
  await sign('7 1\n');
  await clock.advance(1000);
  await sign('7 2\n');
  end.abort();
  await shown;
  expect(await readFile(paths.probe, 'utf8')).toBe('2\n');
});

test('a disk that refuses is no standstill', async () => {
  await using folder = await temporaryFolder('signs');
  const paths = { alive: join(folder.path, 'alive'), probe: join(folder.path, 'gone', 'probe') };
  await rm(paths.probe, { force: true });
  await showSign({ clock: new FakeClock(), log: silentLog, paths, pid: 7, everyMs: 1000 }, 5);
  expect(await readFile(paths.alive, 'utf8')).toBe('7 5\n');
});
