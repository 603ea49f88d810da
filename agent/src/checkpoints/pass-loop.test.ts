import { writeFile } from 'node:fs/promises';
import { createPublisher, openWritersFor, recognisers } from '@runctl/checkpoint';
import { newRunId, silentLog, systemClock } from '@runctl/core';
import { runKeys } from '@runctl/protocol';
import { intercepted, MemoryStore } from '@runctl/store';
import { temporaryFolder } from '@runctl/testkit';
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
