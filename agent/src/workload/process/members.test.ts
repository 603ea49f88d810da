import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:process';
import { systemClock } from '@runctl/core';
import { expect, test } from 'vitest';
import { Members } from './members.ts';
import { eventually } from '../../testing/eventually.ts';
import { hasTerm, linuxProcessTable, type SignalMasks } from './process-table.ts';

const TERM = '0000000000004000';
const NONE = '0000000000000000';

/** Whether a process whose signal masks are read as these, one a read and the last for ever, counts as one that catches SIGTERM. */
async function catchesTerm(...reads: readonly SignalMasks[]): Promise<boolean | undefined> {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    const pid = child.pid ?? 0;
    const startTime = (await linuxProcessTable.startTime(pid)) ?? '';
    let read = 0;
    const signalMasks = (): SignalMasks | null => reads[Math.min(read++, reads.length - 1)] ?? null;
    const members = new Members(
      { id: 'w', pid, startTime, wrapper: 0 },
      { clock: systemClock, processes: { ...linuxProcessTable, signalMasks }, inControlGroup: () => [] },
    );
    return members.candidates()?.find((each) => each.pid === pid)?.catchesTerm;
  } finally {
    child.kill('SIGKILL');
  }
}

test.runIf(platform === 'linux')('a process that ignores SIGTERM is told from one that dies by it', async () => {
  const child = spawn('sh', ['-c', "trap '' TERM; exec sleep 60"], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    const pid = child.pid ?? 0;
    const ignores = (mask = ''): boolean => mask !== '' && hasTerm(mask);
    await eventually('it ignores it', async () => ignores(linuxProcessTable.signalMasks(pid)?.ignored));
    const startTime = (await linuxProcessTable.startTime(pid)) ?? '';
    const options = { clock: systemClock, processes: linuxProcessTable, inControlGroup: () => [] };
    const members = new Members({ id: 'w', pid, startTime, wrapper: 0 }, options);
    expect(members.candidates()).toMatchObject([{ pid, catchesTerm: false, ignoresTerm: true }]);
  } finally {
    child.kill('SIGKILL');
  }
});

const dying = { caught: NONE, blocked: NONE, ignored: NONE };
const blocking = { caught: NONE, blocked: TERM, ignored: NONE };
const catching = { caught: TERM, blocked: NONE, ignored: NONE };

test.runIf(platform === 'linux').each([
  ['has a handler', [catching], true],
  ['has neither', [dying], false],
  ['blocks it for good, to wait for it', [blocking], true],
  ['blocks it while it starts a program', [blocking, dying], false],
  ['blocks it for a longer moment', [blocking, blocking, blocking, dying], false],
  ['has a handler and blocks it for a moment', [{ caught: TERM, blocked: TERM, ignored: NONE }, catching], true],
])('who %s counts as one that catches SIGTERM as it should', async (_what, reads, expected) => {
  expect(await catchesTerm(...reads)).toBe(expected);
});
