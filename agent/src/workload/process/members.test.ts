import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:process';
import { systemClock } from '@runctl/core';
import { expect, test } from 'vitest';
import { Members } from './members.ts';
import { linuxProcessTable, type SignalMasks } from './process-table.ts';

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

const ignoring = { caught: NONE, blocked: NONE };
const blocking = { caught: NONE, blocked: TERM };
const catching = { caught: TERM, blocked: NONE };

test.runIf(platform === 'linux').each([
  ['has a handler', [catching], true],
  ['has neither', [ignoring], false],
  ['blocks it for good, to wait for it', [blocking], true],
  ['blocks it while it starts a program', [blocking, ignoring], false],
  ['blocks it for a longer moment', [blocking, blocking, blocking, ignoring], false],
  ['has a handler and blocks it for a moment', [{ caught: TERM, blocked: TERM }, catching], true],
])('who %s counts as one that catches SIGTERM as it should', async (_what, reads, expected) => {
  expect(await catchesTerm(...reads)).toBe(expected);
});
