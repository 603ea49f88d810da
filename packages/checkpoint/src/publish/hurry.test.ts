import { randomBytes } from 'node:crypto';
import { appendFile, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '@runctl/core';
import { runKeys, PART_SIZE_BYTES } from '@runctl/protocol';
import { intercepted, Lanes, MemoryStore, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { never, openWorld, RUN, SETTLE_MS } from '../testing/test-world.ts';
import type { PassReport } from '../contract/publisher-port.ts';

const HOUR_MS = 3_600_000;

/** A world in which the data of a checkpoint stays on its way until it is released, if it is one of `held`. */
async function heldWorld(held: readonly string[]) {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    const { key } = call;
    if (key === null || !key.includes('/data/')) return perform();
    if (call.operation === 'put' || call.operation === 'uploadPart') begun.push(key);
    if (!held.some((name) => key.includes(name))) return perform();
    const aborted = Promise.withResolvers<never>();
    call.signal?.addEventListener('abort', () => aborted.reject(new StoreError('aborted', 'aborted')));
    await Promise.race([gate.promise, aborted.promise]);
    return perform();
  });
  const world = await openWorld({ clock, store });
  return { clock, world, begun, release: () => gate.resolve() };
}

/** Lanes that have measured this rate. */
async function lanesAt(clock: FakeClock, bytesPerSecond: number): Promise<Lanes> {
  const lanes = new Lanes({ clock });
  await lanes.run({ sizeBytes: 1, signal: never }, async (_buffer, sent) => {
    await clock.advance(1000);
    sent(bytesPerSecond);
  });
  return lanes;
}

test('on the notice the upload of an older checkpoint ends at once, and the newest goes first', async () => {
  const { clock, world } = await heldWorld(['checkpoint-100/']);
  await using _ = world;
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'older');
  await publisher.pass({ signal: never });
  await clock.advance(SETTLE_MS);
  const older = publisher.pass({ signal: never });
  await expect.poll(() => publisher.uploads().length).toBe(1);
  await world.write('checkpoint-200/model.bin', 'newest', SETTLE_MS);
  const noticedMs = clock.monotonicMs();
  await publisher.hurry(noticedMs + 100_000);
  // It is the only one that could be published now: what is newer has not settled yet.
  await publisher.pass({ signal: never, ended: { clean: true, atMs: clock.wallMs() } });
  expect(await older).toMatchObject({ published: null });
  expect(clock.monotonicMs()).toBe(noticedMs);
  expect(await world.pointer()).toMatchObject({ step: 200 });
});

test('an upload of what goes first is not disturbed by the notice', async () => {
  const { clock, world, begun, release } = await heldWorld(['checkpoint-100/']);
  await using _ = world;
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'newest');
  await publisher.pass({ signal: never });
  await clock.advance(SETTLE_MS);
  const pass = publisher.pass({ signal: never });
  await expect.poll(() => begun.length).toBe(1);
  await publisher.hurry(clock.monotonicMs() + 100_000);
  release();
  expect((await pass).published).toMatchObject({ step: 100 });
  expect(begun).toHaveLength(1);
});

test.each([
  ['secures the older one first when the newest can not make it', 20_000, [100, 200]],
  ['goes to the newest alone when it can make it', 100_000, [200]],
])('with little time it %s', async (_what, timeLeftMs, steps) => {
  const clock = new FakeClock();
  const committed: number[] = [];
  const memory = new MemoryStore({ clock });
  const store = intercepted(memory, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'put' && call.key === runKeys(RUN).latest)
      committed.push((await world.pointer())?.step ?? -1);
    return result;
  });
  await using world = await openWorld({ clock, store });
  const lanes = await lanesAt(clock, 1e6);
  const publisher = world.publisher({ lanes });
  await world.write('checkpoint-100/model.bin', randomBytes(1000), 1000);
  await world.write('checkpoint-200/model.bin', randomBytes(3 * PART_SIZE_BYTES));
  const ended = { clean: true, atMs: clock.wallMs() };
  const report = await publisher.pass({ signal: never, ended, deadlineMs: clock.monotonicMs() + timeLeftMs });
  expect(committed).toEqual(steps);
  expect(report).toMatchObject({ error: null, published: { step: 200 }, notDurable: [] });
});

test('the checkpoint before is given up for one that is being written and can make it only alone', async () => {
  const { clock, release, world } = await heldWorld(['checkpoint-200']);
  await using _ = world;
  const lanes = await lanesAt(clock, 1e6);
  const publisher = world.publisher({ lanes });
  const grow = async (bytes: number): Promise<void> => {
    const path = join(world.folder, 'checkpoint-200.pt.tmp');
    await appendFile(path, randomBytes(bytes));
    await utimes(path, clock.wallMs() / 1000, clock.wallMs() / 1000);
  };
  await world.write('checkpoint-100.bin', randomBytes(2 * PART_SIZE_BYTES));
  await publisher.pass({ signal: never });
  await publisher.uploadGrowing(never);
  await clock.advance(SETTLE_MS);
  await grow(4 * PART_SIZE_BYTES);
  await publisher.uploadGrowing(never);
  const tight = await publisher.pass({ signal: never, deadlineMs: clock.monotonicMs() + 50_000 });
  expect(tight).toMatchObject({ published: null, unsettled: true, notDurable: [expect.stringContaining('given up')] });
  const ample = await publisher.pass({ signal: never, deadlineMs: clock.monotonicMs() + 100_000 });
  expect(ample).toMatchObject({ published: { step: 100 } });
  release();
  await publisher.end();
});

describe('when the rate collapses in the middle of an upload before the deadline', () => {
  const PART = 1024;

  /** Moves time so slowly that the disk, which is real, keeps up with it. */
  async function passing(clock: FakeClock, pass: Promise<PassReport>): Promise<PassReport> {
    let over = false;
    pass.finally(() => (over = true)).catch(() => {});
    const isOver = (): boolean => over;
    while (!isOver()) {
      await clock.advance(100);
      await systemClock.sleep(4);
    }
    return pass;
  }

  /** Parts take as long as `partMs` says; step 200 has many, step 100 is small. The notice leaves 30 s. */
  async function collapsing(rates: { readonly beforeMs: number; readonly afterMs: number }) {
    const clock = new FakeClock();
    let parts = 0;
    const store = intercepted(new MemoryStore({ clock, minPartBytes: 1 }), async (call, perform) => {
      if (call.operation === 'uploadPart')
        await clock.sleep(++parts <= 20 ? rates.beforeMs : rates.afterMs, call.signal).catch(() => {
          throw new StoreError('aborted', 'aborted');
        });
      return perform();
    });
    const world = await openWorld({ clock, store });
    const publisher = world.publisher({ partSizeBytes: PART, lanes: await lanesAt(clock, 80 * PART) });
    await world.write('checkpoint-100/model.bin', 'small', 1000);
    await world.write('checkpoint-200/model.bin', randomBytes(100 * PART));
    const ended = { clean: true, atMs: clock.wallMs() };
    const deadlineMs = clock.monotonicMs() + 30_000;
    return { clock, world, publisher, ended, deadlineMs };
  }

  test('the pass turns to the one that can still be secured', async () => {
    const { clock, world, publisher, ended, deadlineMs } = await collapsing({ beforeMs: 100, afterMs: 10_000 });
    await using _ = world;
    const pass = publisher.pass({ signal: never, ended, deadlineMs });
    const report = await passing(clock, pass);
    expect(await world.pointer()).toMatchObject({ step: 100 });
    expect(report.notDurable.join()).toContain('checkpoint-200');
    expect(clock.monotonicMs()).toBeLessThanOrEqual(deadlineMs + 250);
  });

  test('so does a pass that had begun before the notice', async () => {
    const { clock, world, publisher, ended, deadlineMs } = await collapsing({ beforeMs: 100, afterMs: 10_000 });
    await using _ = world;
    const stop = new AbortController();
    const pass = publisher.pass({ signal: stop.signal, ended });
    await expect.poll(() => publisher.uploads().length).toBe(1);
    await publisher.hurry(deadlineMs);
    const gone = (): void => stop.abort(new Error('the machine is gone'));
    clock.sleep(deadlineMs - clock.monotonicMs()).then(gone, gone);
    await passing(clock, pass);
    expect(await world.pointer()).toMatchObject({ step: 100 });
  });

  test('a rate that only wavers turns nothing', async () => {
    const { clock, world, publisher, ended, deadlineMs } = await collapsing({ beforeMs: 100, afterMs: 400 });
    await using _ = world;
    const pass = publisher.pass({ signal: never, ended, deadlineMs });
    expect(await passing(clock, pass)).toMatchObject({ published: { step: 200, seq: 1 } });
  });
});

test('a hurried pass does not wait until old checkpoints are deleted', async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  let deleting = 0;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'delete') {
      deleting++;
      await gate.promise;
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher({ keep: { last: 1, everySteps: null, best: null } });
  const save = async (step: number) => {
    // What lies in the folder stays in the bucket.
    await rm(join(world.folder, `checkpoint-${step - 1}`), { recursive: true, force: true });
    await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
    await publisher.pass({ signal: never });
    await clock.advance(SETTLE_MS);
    const report = await publisher.pass({ signal: never });
    await clock.advance(HOUR_MS + 60_000);
    return report;
  };
  for (const step of [1, 2, 3, 4]) await save(step);
  await expect.poll(() => deleting).toBe(1);
  await world.write('checkpoint-5/model.bin', 'weights of 5');
  const ended = { clean: true, atMs: clock.wallMs() };
  const report = await publisher.pass({ signal: never, ended, deadlineMs: clock.monotonicMs() + 30_000 });
  expect(report).toMatchObject({ error: null, published: { step: 5 } });
  gate.resolve();
  await publisher.settled();
});

test('when the machine stays after all, passes have no deadline any more', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await publisher.hurry(world.clock.monotonicMs() + 1000);
  publisher.calm();
  await world.clock.advance(5000);
  await world.write('checkpoint-1/model.bin', 'weights');
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 1 });
});
