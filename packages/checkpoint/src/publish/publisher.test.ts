import { link, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDocument, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { intercepted, MemoryStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { never, openWorld, RUN, SETTLE_MS, type World, zipOf } from '../testing/test-world.ts';

const killed = (world: World, agoMs = 0) => ({ clean: false, atMs: world.clock.wallMs() - agoMs });

function untilAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new StoreError('aborted', 'aborted'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

test('publishes a checkpoint once it has been still for the settling time', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  expect(await publisher.pass({ signal: never })).toMatchObject({ published: null, unsettled: true });
  await world.clock.advance(SETTLE_MS - 1);
  expect(await publisher.pass({ signal: never })).toMatchObject({ published: null });
  await world.clock.advance(1);
  const report = await publisher.pass({ signal: never });
  expect(report).toMatchObject({
    published: { generation: 1, seq: 1, step: 100, entry: 'checkpoint-100' },
    error: null,
  });
  expect(await world.pointer()).toMatchObject({ generation: 1, seq: 1, step: 100, fellBackFromStep: null });
  expect(report.durable).toMatchObject({ manifest: runKeys(RUN).manifest({ generation: 1, seq: 1 }), step: 100 });
});

test('a file that grows between two looks starts to settle anew', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'wei');
  await publisher.pass({ signal: never });
  await world.clock.advance(SETTLE_MS / 2);
  await world.write('checkpoint-100/model.bin', 'weights');
  await publisher.pass({ signal: never });
  await world.clock.advance(SETTLE_MS - 1);
  expect((await publisher.pass({ signal: never })).published).toBeNull();
  await world.clock.advance(1);
  expect((await publisher.pass({ signal: never })).published).not.toBeNull();
});

test('does nothing for what is published already', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.settleAndPass(publisher);
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  expect(await world.keys(runKeys(RUN).manifestsFolder)).toHaveLength(1);
});

test('an agent that starts again finds by content that the checkpoint is durable', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.settleAndPass(world.publisher());
  const report = await world.settleAndPass(world.publisher());
  expect(report).toMatchObject({ published: null, durable: { step: 100 } });
});

test('a torn JSON checkpoint is never published, however still it is', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('state.json', '{"step": 5, "weights": [1, 2');
  const report = await world.settleAndPass(publisher);
  expect(report.published).toBeNull();
  expect(report.candidates).toMatchObject([{ complete: false, why: expect.stringContaining('JSON') }]);
  expect(
    (await publisher.pass({ signal: never, ended: { clean: true, atMs: world.clock.wallMs() } })).published,
  ).toBeNull();
  expect(await world.pointer()).toBeNull();
});

test('of two checkpoints of which the newer is torn, the older is published', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-900/model.pt', zipOf('whole'));
  await world.write('checkpoint-1000/model.pt', zipOf('torn').subarray(0, 60));
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 900 });
});

test('a file somebody still has open for writing is left alone', async () => {
  await using world = await openWorld();
  let writing = true;
  const publisher = world.publisher({
    openWriters: { among: (files) => Promise.resolve(new Set(writing ? files.map((file) => file.inode) : [])) },
  });
  await world.write('checkpoint-100/model.bin', 'weights');
  const report = await world.settleAndPass(publisher);
  expect(report.candidates).toMatchObject([{ complete: false, why: 'checkpoint-100/model.bin is open for writing' }]);
  writing = false;
  expect((await publisher.pass({ signal: never })).published).toMatchObject({ step: 100 });
});

test('after a clean end everything on the disk counts at once', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'weights');
  const report = await world.publisher().pass({ signal: never, ended: { clean: true, atMs: world.clock.wallMs() } });
  expect(report.published).toMatchObject({ step: 100, evidence: 'the workload had ended, no open writer' });
});

test('after a kill a file of unknown format that was written just before does not count', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'older', 600_000);
  await world.write('checkpoint-200/model.bin', 'written just now');
  expect((await world.publisher().pass({ signal: never, ended: killed(world) })).published).toMatchObject({
    step: 100,
  });
});

test('a save that stalled with its file open, and was killed there, does not count however long it stood still', async () => {
  await using world = await openWorld();
  let writing = false;
  const publisher = world.publisher({
    openWriters: { among: (files) => Promise.resolve(new Set(writing ? files.map((file) => file.inode) : [])) },
  });
  await world.write('checkpoint-100/model.bin', 'whole');
  await world.settleAndPass(publisher);
  writing = true;
  await world.write('checkpoint-200/model.bin', 'half of', 10_000);
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  writing = false;
  const report = await publisher.pass({ signal: never, ended: killed(world) });
  expect(report).toMatchObject({ published: null, durable: { step: 100 } });
  expect(report.candidates[0]?.why).toContain('may have been open for writing when the workload was killed');
});

test('after a kill a file that was written just before counts when its format proves it whole', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100.pt', zipOf('older'), 10_000);
  await world.write('checkpoint-300.pt', zipOf('written just now'));
  const report = await world.publisher().pass({ signal: never, ended: killed(world) });
  expect(report.published).toMatchObject({ step: 300, evidence: expect.stringContaining('in spite of the kill') });
});

test('the first file of the first save of a run is no checkpoint when the kill came right after it', async () => {
  await using world = await openWorld();
  await world.write('model_5.pt', zipOf('written just now'));
  const report = await world.publisher().pass({ signal: never, ended: killed(world) });
  expect(report).toMatchObject({ published: null, durable: null });
  expect(report.candidates[0]?.why).toContain('other files may be missing');
});

test('an agent that starts again still knows which files a checkpoint must have', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.json', '{}');
  await world.write('checkpoint-100/optimizer.json', '{}');
  await world.write('vocabulary.json', '{}');
  await world.settleAndPass(world.publisher());
  await world.write('checkpoint-200/model.json', '{"step":200}');
  const report = await world.publisher().pass({ signal: never, ended: killed(world) });
  expect(report).toMatchObject({ published: null, durable: { step: 100 } });
  expect(report.candidates[0]?.why).toBe(
    'checkpoint-#/optimizer.json, which earlier checkpoints had, is missing, and the workload was killed',
  );
});

test('after a kill a set that is overwritten in place is not mixed of two saves', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('model.json', '{"step":1}');
  await world.write('optimizer.json', '{"step":1}');
  expect((await world.settleAndPass(publisher)).published).not.toBeNull();
  await world.clock.advance(60_000);
  await world.write('model.json', '{"step":2}');
  const report = await publisher.pass({ signal: never, ended: killed(world) });
  expect(report.published).toBeNull();
  expect(report.candidates[0]?.why).toContain('other files may be missing or older');
});

test('after a kill a step that lacks a file that steps before had is not taken', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('model-100.json', '{}');
  await world.write('optimizer-100.json', '{}');
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 100, entry: '.' });
  await world.write('model-200.json', '{}');
  const report = await publisher.pass({ signal: never, ended: killed(world) });
  expect(report).toMatchObject({ published: null, durable: { step: 100 } });
});

test('a checkpoint saved more often than it can settle is published by its structure', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('vocabulary.json', '{}');
  for (let step = 1; step <= 5; step++) {
    await world.replace('state.json', JSON.stringify({ step }));
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS / 2);
  }
  expect(await world.pointer()).not.toBeNull();
  const restored = await world.restore();
  expect(restored?.manifest.evidence).toContain('saved alone');
});

test('a file that changes while it is uploaded is given up and taken as it is next time', async () => {
  const clock = new FakeClock();
  let meddle: (() => Promise<void>) | null = null;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put' && call.key?.includes('/data/')) {
      await meddle?.();
      meddle = null;
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  meddle = async () => {
    await clock.advance(10);
    await world.write('checkpoint-100/model.bin', 'WEIGHTS');
  };
  const report = await world.settleAndPass(publisher);
  expect(report.published).toBeNull();
  expect(report.notDurable).toMatchObject([expect.stringContaining('changed while it was uploaded')]);
  expect(await world.keys('runs/')).toEqual([]);
  expect((await world.settleAndPass(publisher)).published).not.toBeNull();
});

test('a checkpoint that the script rotates away during the upload is still published whole', async () => {
  const clock = new FakeClock();
  let rotated = false;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put' && call.key?.includes('/data/') && !rotated) {
      rotated = true;
      await rm(join(world.folder, 'checkpoint-100'), { recursive: true });
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-100/a.bin', 'first');
  await world.write('checkpoint-100/b.bin', 'second');
  const report = await world.settleAndPass(world.publisher());
  expect(report.published?.files.map((file) => file.path)).toEqual(['checkpoint-100/a.bin', 'checkpoint-100/b.bin']);
  await world.restore();
  expect(await readFile(join(world.folder, 'checkpoint-100/b.bin'), 'utf8')).toBe('second');
});

test('files that did not change are copied inside the store and never shared between checkpoints', async () => {
  const clock = new FakeClock();
  const copies: string[] = [];
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'copy') copies.push(String(call.key));
    return perform();
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher();
  await world.write('base.bin', 'frozen weights');
  await world.write('checkpoint-100/head.bin', 'head 100');
  const first = await world.settleAndPass(publisher);
  await world.write('checkpoint-200/head.bin', 'head 200');
  const second = await world.settleAndPass(publisher);
  expect(copies).toHaveLength(1);
  const keysOf = (report: typeof first) => report.published?.files.map((file) => file.key) ?? [];
  expect(keysOf(second).filter((key) => keysOf(first).includes(key))).toEqual([]);
  expect(second.published?.files.map((file) => file.path)).toEqual(['base.bin', 'checkpoint-200/head.bin']);
});

test('a new best model beside the same step is made durable too, a growing log is not until the end', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.write('best.pt', zipOf('best'));
  await world.write('train.log', 'line');
  await world.settleAndPass(publisher);
  await world.write('train.log', 'line\nline');
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  await world.clock.advance(1000);
  await world.write('best.pt', zipOf('better'));
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ seq: 2, step: 100 });
  await world.write('train.log', 'line\nline\nline');
  const ended = { clean: true, atMs: world.clock.wallMs() };
  expect((await publisher.pass({ signal: never, ended })).published).toMatchObject({ seq: 3, step: 100 });
});

test('while the best model is being rewritten, a new step goes along with the version that is durable', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.write('best.bin', 'best of all');
  await world.settleAndPass(publisher);
  await world.write('checkpoint-200/model.bin', 'WEIGHTS');
  await publisher.pass({ signal: never });
  await world.clock.advance(SETTLE_MS);
  await world.write('best.bin', 'half of the n');
  expect((await publisher.pass({ signal: never })).published).toMatchObject({ step: 200 });
  await world.restore();
  expect(await readFile(join(world.folder, 'best.bin'), 'utf8')).toBe('best of all');
});

test('publishes nothing without the lease and says so', async () => {
  await using world = await openWorld();
  const publisher = world.publisher({ mayPublish: () => null });
  await world.write('checkpoint-100/model.bin', 'weights');
  const report = await world.settleAndPass(publisher);
  expect(report).toMatchObject({ published: null, refused: 'not-holder' });
  expect(report.notDurable).toHaveLength(1);
  expect(await world.keys('runs/')).toEqual([]);
});

test('a lease that is lost during the upload keeps the pointer where it was', async () => {
  const clock = new FakeClock();
  let held = true;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    const result = await perform();
    if (call.operation === 'put' && call.key?.includes('/manifests/')) held = false;
    return result;
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher({ mayPublish: () => (held ? { generation: 1 } : null) });
  await world.write('checkpoint-100/model.bin', 'weights');
  expect(await world.settleAndPass(publisher)).toMatchObject({ published: null, refused: 'not-holder' });
  expect(await world.pointer()).toBeNull();
});

test('a generation that was overtaken never moves the pointer', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'new holder');
  await world.settleAndPass(world.publisher({ mayPublish: () => ({ generation: 2 }) }));
  await world.write('checkpoint-300/model.bin', 'old holder');
  const report = await world.settleAndPass(world.publisher({ mayPublish: () => ({ generation: 1 }) }));
  expect(report).toMatchObject({ published: null, refused: 'fenced' });
  expect(await world.pointer()).toMatchObject({ generation: 2, step: 100 });
});

test('is fenced by a pointer that a successor moves between its read and its write', async () => {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock });
  let overtake: (() => Promise<unknown>) | null = null;
  const store = intercepted(memory, async (call, perform) => {
    if (call.operation === 'put' && call.key === runKeys(RUN).latest) {
      await overtake?.();
      overtake = null;
    }
    return perform();
  });
  await using successor = await openWorld({ clock, store: memory });
  await successor.write('checkpoint-50/model.bin', 'successor');
  await using world = await openWorld({ clock, store });
  const next = successor.publisher({ mayPublish: () => ({ generation: 2 }) });
  await next.pass({ signal: never });
  await world.write('checkpoint-100/model.bin', 'old holder');
  const publisher = world.publisher();
  await publisher.pass({ signal: never });
  await clock.advance(SETTLE_MS);
  overtake = () => next.pass({ signal: never });
  expect(await publisher.pass({ signal: never })).toMatchObject({ published: null, refused: 'fenced' });
  expect(await world.pointer()).toMatchObject({ generation: 2, step: 50 });
});

test('says from which step a generation fell back', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-500/model.bin', 'old');
  await world.settleAndPass(world.publisher());
  await rename(join(world.folder, 'checkpoint-500'), join(world.root, 'away'));
  await world.clock.advance(1000);
  await world.write('checkpoint-400/model.bin', 'after a fallback');
  await world.settleAndPass(world.publisher({ mayPublish: () => ({ generation: 2 }) }));
  expect(await world.pointer()).toMatchObject({ generation: 2, seq: 1, step: 400, fellBackFromStep: 500 });
});

test('recognises its own success behind lost answers', async () => {
  const clock = new FakeClock();
  const lost = new Set<string>();
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    const result = await perform();
    if (call.operation !== 'put' || call.key === null || call.key.includes('/data/') || lost.has(call.key))
      return result;
    lost.add(call.key);
    throw new StoreError('transient', 'the answer was lost');
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-100/model.bin', 'weights');
  const report = await world.settleAndPass(world.publisher());
  expect(report).toMatchObject({ error: null, published: { seq: 1 } });
  expect(lost.size).toBe(2);
});

test('takes the step from the training where the name bears none', async () => {
  await using world = await openWorld();
  await world.write('state.json', '{}');
  const asked: number[] = [];
  const savedAtMs = world.clock.wallMs();
  const publisher = world.publisher({ progressStep: (atWallMs) => (asked.push(atWallMs), 42) });
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 42, entry: 'state.json' });
  expect(asked).toContain(savedAtMs);
});

test('a pass with a deadline overtakes the upload of an older checkpoint', async () => {
  const clock = new FakeClock();
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put' && call.key?.endsWith('/checkpoint-100/model.bin')) await untilAborted(call.signal);
    return perform();
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'older');
  await publisher.pass({ signal: never });
  await clock.advance(SETTLE_MS);
  const slow = publisher.pass({ signal: never });
  await expect.poll(() => publisher.uploads().length).toBe(1);
  await world.write('checkpoint-200/model.bin', 'saved on the notice');
  const ended = { clean: true, atMs: clock.wallMs() };
  const report = await publisher.pass({ signal: never, ended, deadlineMs: clock.monotonicMs() + 20_000 });
  expect(report.published).toMatchObject({ step: 200 });
  expect(await slow).toMatchObject({ published: null, notDurable: [expect.stringContaining('step 100')] });
});

test('a pass with a deadline waits for the upload of the newest checkpoint instead of beginning it anew', async () => {
  const clock = new FakeClock();
  const gate = Promise.withResolvers<void>();
  let puts = 0;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put' && call.key?.includes('/data/')) {
      puts++;
      await gate.promise;
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'newest');
  await publisher.pass({ signal: never });
  await clock.advance(SETTLE_MS);
  const first = publisher.pass({ signal: never });
  await expect.poll(() => publisher.uploads().length).toBe(1);
  const ended = { clean: true, atMs: clock.wallMs() };
  const final = publisher.pass({ signal: never, ended, deadlineMs: clock.monotonicMs() + 20_000 });
  gate.resolve();
  expect((await first).published).toMatchObject({ step: 100 });
  expect(await final).toMatchObject({ published: null, durable: { step: 100 }, notDurable: [] });
  expect(puts).toBe(1);
});

test('a deadline ends a pass whose store does not answer, and the report names what is lost', async () => {
  const clock = new FakeClock();
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put') await untilAborted(call.signal);
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-100/model.bin', 'weights');
  const ended = { clean: true, atMs: clock.wallMs() };
  const publisher = world.publisher();
  const pass = publisher.pass({ signal: never, ended, deadlineMs: clock.monotonicMs() + 5000 });
  await expect.poll(() => publisher.uploads().length).toBe(1);
  await clock.advance(5000);
  const report = await pass;
  expect(report).toMatchObject({ published: null, durable: null, notDurable: [expect.stringContaining('step 100')] });
  expect(report.error).not.toBeNull();
});

test('a manifest names the one before it, and every byte can be found by it', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  for (const step of [100, 200]) {
    await world.write(`checkpoint-${step}/model.bin`, `weights ${step}`);
    await world.settleAndPass(publisher);
  }
  const key = runKeys(RUN).manifest({ generation: 1, seq: 2 });
  const manifest = decodeDocument(manifestSchema, await readBytes(world.store, key), key);
  expect(manifest.previous).toBe(runKeys(RUN).manifest({ generation: 1, seq: 1 }));
  const [file] = manifest.files;
  expect(Buffer.from(await readBytes(world.store, String(file?.key))).toString()).toBe('weights 200');
});

test('an older checkpoint that was never published does not take the place of a newer one', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  for (const step of [100, 200, 1000]) await world.write(`checkpoint-${step}/model.bin`, `weights ${step}`);
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 1000 });
  expect((await world.settleAndPass(publisher)).published).toBeNull();
});

test('hard links and changed times of the same bytes make no new checkpoint', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.settleAndPass(publisher);
  await link(join(world.folder, 'checkpoint-100/model.bin'), join(world.root, 'elsewhere'));
  const seconds = world.clock.wallMs() / 1000 + 5;
  await utimes(join(world.folder, 'checkpoint-100/model.bin'), seconds, seconds);
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  expect(await world.keys(runKeys(RUN).manifestsFolder)).toHaveLength(1);
});

test('a log that grows during an upload does not spoil the checkpoint beside it', async () => {
  const clock = new FakeClock();
  let lines = 0;
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    if (call.operation === 'put' && call.key?.includes('/data/')) {
      await clock.advance(10);
      await world.write('train.log', 'line\n'.repeat(++lines));
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.write('train.log', 'first');
  expect((await world.settleAndPass(world.publisher())).published).toMatchObject({
    step: 100,
    files: [{ path: 'checkpoint-100/model.bin' }],
  });
});

test('a torn checkpoint is nothing to wait for once the workload has ended', async () => {
  await using world = await openWorld();
  await world.write('state.json', '{"torn":');
  const publisher = world.publisher();
  expect(await publisher.pass({ signal: never })).toMatchObject({ unsettled: true });
  for (const clean of [true, false]) {
    const report = await publisher.pass({ signal: never, ended: { clean, atMs: world.clock.wallMs() } });
    expect(report).toMatchObject({ unsettled: false, published: null, error: null });
  }
});

test('with little time the checkpoint comes first, and the large file beside it in the next pass', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights');
  await world.write('best.bin', Buffer.alloc(2 * 1024 * 1024, 1));
  const ended = { clean: true, atMs: world.clock.wallMs() };
  const hurried = { signal: never, ended, deadlineMs: world.clock.monotonicMs() + 60_000 };
  const first = await publisher.pass(hurried);
  expect(first).toMatchObject({
    published: { seq: 1, files: [{ path: 'checkpoint-100/model.bin' }] },
    unsettled: true,
  });
  expect(first.notDurable).toMatchObject([expect.stringContaining('best.bin')]);
  const second = await publisher.pass(hurried);
  expect(second).toMatchObject({ unsettled: false, notDurable: [], published: { seq: 2 } });
  expect(second.published?.files.map((file) => file.path)).toEqual(['best.bin', 'checkpoint-100/model.bin']);
  expect(await publisher.pass(hurried)).toMatchObject({ published: null, unsettled: false });
});

test('what a restore brought from a machine whose clock was ahead never comes after what is saved here', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-4/model.bin', 'before', -3_600_000);
  await world.settleAndPass(world.publisher());
  await rm(join(world.folder, 'checkpoint-4'), { recursive: true });
  await world.restore();
  const publisher = world.publisher({ mayPublish: () => ({ generation: 2 }) });
  await world.write('checkpoint-5/model.bin', 'after');
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 5 });
  const last = await publisher.pass({ signal: never, ended: { clean: true, atMs: world.clock.wallMs() } });
  expect(last).toMatchObject({ published: null, durable: { step: 5 } });
});

test('what lies there when an agent starts again is not taken for newer than a higher step because of its time', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'by a clock that is ahead, and never durable', -3_600_000);
  await world.write('checkpoint-200/model.bin', 'by a clock that is right');
  const publisher = world.publisher();
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 200 });
  expect(await world.settleAndPass(publisher)).toMatchObject({ published: null, durable: { step: 200 } });
});

test('what was durable before a clock was set back is not brought back by an agent that starts again', async () => {
  await using world = await openWorld();
  const before = world.publisher();
  await world.write('checkpoint-100/model.bin', 'by a clock that is ahead', -3_600_000);
  await world.settleAndPass(before);
  await world.write('checkpoint-200/model.bin', 'by a clock that is right');
  expect((await world.settleAndPass(before)).published).toMatchObject({ step: 200 });
  const publisher = world.publisher();
  await world.write('checkpoint-300/model.bin', 'newest');
  const ended = { clean: true, atMs: world.clock.wallMs() };
  expect((await publisher.pass({ signal: never, ended })).published).toMatchObject({ step: 300 });
  expect(await publisher.pass({ signal: never, ended })).toMatchObject({ published: null, durable: { step: 300 } });
});
