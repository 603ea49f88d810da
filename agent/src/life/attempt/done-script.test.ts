import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@runctl/core';
import { defaultTiming as timing } from '@runctl/protocol';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { type AttemptActions, driveAttempt } from '../../driver/attempt-driver.ts';
import { StopBoard } from '../../driver/stop-board.ts';
import type { Drain } from '../../lifecycle/model.ts';
import { attemptPolicy } from '../../lifecycle/windows.ts';
import { passReport } from '../../testing/pass-report.ts';
import { DoneScript } from './done-script.ts';

const policy = attemptPolicy({ timing, policy: { graceMs: null } as Parameters<typeof attemptPolicy>[0]['policy'] });
const noticed: Drain = { cause: 'notice', haltAtMs: 120_000, killAtMs: 90_000, killed: false, saving: null };

/** A workload beside its done watch. After its SIGTERM it writes the done-marker at once, and lives until it is ended. */
async function doneWorkload({ drain = null }: { readonly drain?: Drain | null } = {}) {
  const temporary = await temporaryFolder('done');
  const donePath = join(temporary.path, 'done');
  const clock = new FakeClock();
  const stops = new StopBoard(clock);
  const world = { declared: 0, undeclared: 0 };
  let declareNow = (): void => {};
  let end = (): void => {};
  const declare = (_: unknown, signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => world.undeclared++);
      declareNow = () => {
        world.declared++;
        resolve(true);
      };
    });
  const passes = {
    last: null,
    whenSettled: (settled: (report: ReturnType<typeof passReport>) => void) => settled(passReport({})),
  };
  const parts = { donePath, passes, timing, clock };
  const done = new DoneScript({ ...parts, log: silentLog }, declare);
  const say = () => writeFile(donePath, '');
  const actions: AttemptActions = {
    adopt: async () => {
      if (drain !== null) await say();
      return { adopted: true, drain };
    },
    prepare: async () => {},
    spawn: async () => {},
    exited: () => new Promise((resolve) => (end = () => resolve({ code: 0, signal: null }))),
    done: (watch) => done.wait(watch),
    signal: () => say(),
    followSaving: async () => {},
    flush: async () => true,
    sentWrites: () => 0,
    report: async () => {},
    onTransition: () => {},
  };
  const { signal } = new AbortController();
  const driven = driveAttempt({ actions, clock, log: silentLog, policy, stops, signal });
  return {
    clock,
    stops,
    world,
    done,
    say,
    declareNow: () => declareNow(),
    ended: async () => {
      end();
      await clock.runUntil(driven);
      await temporary[Symbol.asyncDispose]();
    },
  };
}

const LONG_MS = 10 * timing.controlPollMs;
const notice = { cause: 'notice', haltAtMs: 120_000, graceMs: null } as const;

test('a done-marker that is written after the workload was told to stop declares no success', async () => {
  const { clock, declareNow, done, ended, stops, world } = await doneWorkload();
  await clock.advance(LONG_MS);
  stops.raise(notice);
  await clock.advance(LONG_MS);
  declareNow();
  await ended();
  expect(world.declared).toBe(0);
  expect(done.isDecided).toBe(false);
});

test('an agent that starts anew beside a workload that was told to stop believes no done-marker either', async () => {
  const { clock, declareNow, ended, world } = await doneWorkload({ drain: noticed });
  await clock.advance(LONG_MS);
  declareNow();
  await ended();
  expect(world.declared).toBe(0);
});

test.each(['notice', 'exited'] as const)('a success under way is declared whatever comes then: %s', async (cause) => {
  const { clock, declareNow, done, ended, say, stops, world } = await doneWorkload({
    drain: cause === 'exited' ? { ...noticed, cause } : null,
  });
  await say();
  await clock.advance(LONG_MS);
  if (cause === 'notice') stops.raise(notice);
  await clock.advance(timing.controlPollMs);
  expect(world.undeclared).toBe(0);
  declareNow();
  await clock.advance(0);
  expect(done.isDecided).toBe(true);
  await ended();
});
