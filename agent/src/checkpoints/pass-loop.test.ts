import { writeFile } from 'node:fs/promises';
import { createPublisher, openWritersFor, type PassReport, type Publisher, recognisers } from '@runctl/checkpoint';
import { newRunId, silentLog, systemClock } from '@runctl/core';
import { runKeys } from '@runctl/protocol';
import { intercepted, MemoryStore, StoreError } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { createPassLoop } from './pass-loop.ts';

/** A pass loop over a folder whose uploads wait for `release`. */
async function slowUploads() {
  const folder = await temporaryFolder('runctl-passes');
  const run = newRunId();
  const opened = Promise.withResolvers<void>();
  let uploads = 0;
  const memory = new MemoryStore({ clock: systemClock });
  const store = intercepted(memory, async ({ key }, perform) => {
    if (key?.startsWith(runKeys(run).dataRoot) !== true) return perform();
    uploads++;
    await opened.promise;
    return perform();
  });
  const publisher = createPublisher({
    store,
    run,
    folder: folder.path,
    node: 0,
    clock: systemClock,
    log: silentLog,
    recognisers,
    openWriters: openWritersFor(process.platform),
    settleMs: 20,
    mayPublish: () => ({ generation: 1 }),
  });
  const idle = { restore: async () => null, prefetch: async () => {}, watch: () => {}, cleanUp: async () => {} };
  const passes = createPassLoop({
    checkpoints: { publisher, ...idle },
    clock: systemClock,
    log: silentLog,
    settleMs: 20,
    onPass: () => {},
    leaseTrouble: () => null,
    refusedMs: 60_000,
  });
  return { folder, passes, publisher, uploads: () => uploads, release: () => opened.resolve() };
}

test('the end of the workload does not abort the upload of the newest checkpoint', async () => {
  const { folder, passes, publisher, release, uploads } = await slowUploads();
  await using _ = folder;
  await writeFile(`${folder.path}/step-5.json`, '{"step":5}');
  const loop = new AbortController();
  const signal = new AbortController().signal;
  const running = passes.run({ loop: loop.signal, pass: signal });
  await eventually('the upload', () => uploads() === 1);
  loop.abort();
  const deadlineMs = systemClock.monotonicMs() + 10_000;
  const last = passes.finish({ ended: { clean: true, atMs: systemClock.wallMs() }, signal, deadlineMs });
  await systemClock.sleep(50);
  release();
  await running;
  expect(await last).toMatchObject({ error: null, notDurable: [] });
  expect(publisher.durable()?.step).toBe(5);
  expect(uploads()).toBe(1);
});

/** A last pass over a bucket that refuses until `takes` says otherwise. */
function lastPassOn(takes: (pass: number) => boolean, deadlineMs?: number) {
  const clock = new FakeClock();
  let count = 0;
  const nothing = { published: null, durable: null, candidates: [], passedOver: [], refused: null, unsettled: false };
  const pass = async (): Promise<PassReport> =>
    takes(++count)
      ? { ...nothing, notDurable: [], error: null }
      : { ...nothing, notDurable: ['step-5'], error: new StoreError('denied', 'AccessDenied') };
  const publisher = { pass } as Partial<Publisher> as Publisher;
  const passes = createPassLoop({
    checkpoints: { publisher, restore: async () => null, prefetch: () => {}, watch: () => {}, cleanUp: async () => {} },
    clock,
    log: silentLog,
    settleMs: 2000,
    onPass: () => {},
    leaseTrouble: () => null,
    refusedMs: 300_000,
  });
  const ended = { clean: true, atMs: 0 };
  const stop = new AbortController();
  const deadline = deadlineMs === undefined ? {} : { deadlineMs };
  const done = passes.finish({ ended, signal: stop.signal, ...deadline });
  return { clock, done, stop, passes: () => count };
}

test('after a normal end a bucket that refuses for good is given up, with its refusal as the account', async () => {
  const { clock, done, passes } = lastPassOn(() => false);
  const report = await clock.runUntil(done, { stepMs: 1000 });
  expect(report).toMatchObject({ notDurable: ['step-5'], error: { message: 'AccessDenied' } });
  expect(clock.monotonicMs()).toBeLessThan(320_000);
  expect(passes()).toBeLessThan(40);
});

test('before a deadline a bucket that refuses is asked every second, and taken at its word when it takes again', async () => {
  const { clock, done, passes } = lastPassOn((pass) => pass > 400, 1_000_000);
  expect(await clock.runUntil(done, { stepMs: 1000 })).toMatchObject({ notDurable: [], error: null });
  expect(passes()).toBe(401);
  expect(clock.monotonicMs()).toBeLessThan(420_000);
});
