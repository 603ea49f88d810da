import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { intercepted, MemoryStore, type ObjectStore, readBytes, StoreError } from '@runctl/store';
import { FakeClock, recordingLog, temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { LeaseKeeper } from './lease-keeper.ts';
import { leasePolicy } from './lease-machine.ts';
import { fileLeaseMemory, type LeaseIdentity, type LeaseMemory } from './lease-memory.ts';

const RUN = 'r-aaaaaaaaaa';

function inMemory(): LeaseMemory & { identity: LeaseIdentity | null } {
  return {
    identity: null,
    async load() {
      return this.identity;
    },
    async save(identity) {
      this.identity = identity;
    },
  };
}

function world() {
  const clock = new FakeClock();
  const bucket = new MemoryStore({ clock });
  const log = recordingLog();
  const keeper = (owner: string, memory: LeaseMemory = inMemory(), store: ObjectStore = bucket) =>
    new LeaseKeeper({
      store,
      run: RUN,
      clock,
      log,
      policy: leasePolicy,
      memory,
      claim: { owner, launch: 1, nodes: 1 },
    });
  return { clock, bucket, log, keeper };
}

const never = () => new AbortController().signal;
const ignore = () => {};

describe('the lease keeper', () => {
  test('waits for the holder, says for whom, and takes over when it is gone', async () => {
    const { clock, keeper } = world();
    const [first, second] = [keeper('i-1'), keeper('i-2')];
    expect(await first.acquire({ signal: never(), onWait: ignore })).toBe(1);
    const waitedFor: string[] = [];
    const taking = second.acquire({ signal: never(), onWait: (holder) => waitedFor.push(holder.owner) });
    await clock.advance(50_000);
    expect(second.view()).toEqual({ state: 'waiting', generation: null, renewedAgoMs: null });
    expect(first.mayPublish()).toBeNull();
    expect(await clock.runUntil(taking)).toBe(2);
    expect(waitedFor).toEqual(['i-1']);
    expect(second.mayPublish()).toEqual({ generation: 2 });
  });

  test('renews after a single try whose record took a slow disk longer than a renewal may wait', async () => {
    const { clock, keeper } = world();
    const slow = { ...inMemory(), save: () => clock.sleep(20_000) };
    const holder = keeper('i-1', slow);
    expect(await clock.runUntil(holder.tryAcquire())).toBe(1);
    const stop = new AbortController();
    const running = holder.run(stop.signal, () => expect.unreachable());
    await clock.advance(120_000);
    expect(holder.mayPublish()).toEqual({ generation: 1 });
    stop.abort();
    await running;
  });

  test('holds what it has won on a disk that is full by then', async () => {
    const { clock, keeper, log } = world();
    const memory = inMemory();
    const save = memory.save.bind(memory);
    let saves = 0;
    const full = {
      ...memory,
      save: (identity: LeaseIdentity) => (saves++ === 0 ? save(identity) : Promise.reject(new Error('ENOSPC'))),
    };
    expect(await clock.runUntil(keeper('i-1', full).acquire({ signal: never(), onWait: ignore }))).toBe(1);
    expect(log.lines.map(({ message }) => message)).toContain('the lease is not written to the disk');
  });

  test('does not take a damaged lease of a first holder before it was lost for as long as a lease lasts', async () => {
    const { bucket, clock, keeper } = world();
    await keeper('i-1').acquire({ signal: never(), onWait: ignore });
    await bucket.put(`runs/${RUN}/lease.json`, Buffer.from('{'));
    const second = keeper('i-2');
    expect(await second.tryAcquire()).toBeNull();
    expect(second.isLost).toBe(true);
    expect(await clock.runUntil(second.acquireUnlessHeld())).toBe(1);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(leasePolicy.ttlMs);
  });

  test('holds on for as long as it renews', async () => {
    const { clock, keeper } = world();
    const [first, second] = [keeper('i-1'), keeper('i-2')];
    await first.acquire({ signal: never(), onWait: ignore });
    const stop = new AbortController();
    const running = first.run(stop.signal, () => expect.unreachable());
    await clock.advance(600_000);
    expect(first.mayPublish()).toEqual({ generation: 1 });
    expect(first.view().renewedAgoMs).toBeLessThanOrEqual(15_000);
    expect(await second.tryAcquire()).toBeNull();
    stop.abort();
    await running;
    await first.release();
    expect(first.mayPublish()).toBeNull();
    expect(await second.tryAcquire()).toBe(2);
  });

  test('waits again when it stood still behind its own success until another took over', async () => {
    const { clock, keeper } = world();
    const slow = inMemory();
    const slowDisk: LeaseMemory = {
      load: () => slow.load(),
      save: async (identity) => {
        if (identity.generation === 1) await clock.sleep(100_000);
        await slow.save(identity);
      },
    };
    const [first, second] = [keeper('i-1', slowDisk), keeper('i-2')];
    const acquiring = first.acquire({ signal: never(), onWait: ignore });
    await clock.advance(70_000);
    expect(await second.tryAcquire()).toBe(2);
    const stop = new AbortController();
    const running = second.run(stop.signal, () => expect.unreachable());
    await clock.advance(100_000);
    expect(first.view().state).toBe('waiting');
    stop.abort();
    await running;
    await second.release();
    expect(await clock.runUntil(acquiring)).toBe(3);
  });

  test('publishes nothing while the bucket is silent, and goes on when it answers again', async () => {
    const { clock, bucket, keeper, log } = world();
    let silent = false;
    const store = intercepted(bucket, async ({ signal }, perform) => {
      if (!silent) return perform();
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new StoreError('aborted', 'given up')));
      });
    });
    const holder = keeper('i-1', inMemory(), store);
    await holder.acquire({ signal: never(), onWait: ignore });
    const stop = new AbortController();
    const running = holder.run(stop.signal, () => expect.unreachable());
    silent = true;
    await clock.advance(45_000);
    expect(holder.mayPublish()).toBeNull();
    expect(holder.view().state).toBe('doubtful');
    silent = false;
    await clock.advance(15_000);
    expect(holder.mayPublish()).toEqual({ generation: 1 });
    expect(log.lines.map((line) => line.message)).toContain('the lease: renew unanswered');
    stop.abort();
    await running;
  });

  test('says once that it was fenced, and by whom', async () => {
    const { clock, bucket, keeper } = world();
    let cut = true;
    const store = intercepted(bucket, async (_call, perform) => {
      if (cut && clock.monotonicMs() > 0) throw new StoreError('transient', 'no route');
      return perform();
    });
    const holder = keeper('i-1', inMemory(), store);
    await holder.acquire({ signal: never(), onWait: ignore });
    const fencedBy: unknown[] = [];
    const running = holder.run(never(), (by) => fencedBy.push(by));
    await clock.advance(62_000);
    expect(await keeper('i-2').tryAcquire()).toBe(2);
    cut = false;
    await clock.runUntil(running);
    expect(fencedBy).toEqual([{ owner: 'i-2', generation: 2 }]);
    expect(holder.view()).toMatchObject({ state: 'lost', generation: 1 });
    await holder.release();
    expect(await keeper('i-3').tryAcquire()).toBeNull();
  });

  /** A holder of generation 1 that is cut off until `reconnect`, in a run that shows its generation. */
  async function cutOffHolder(given: ReturnType<typeof world>) {
    const { clock, bucket, keeper } = given;
    let isCutOff = false;
    const store = intercepted(bucket, async (_call, perform) => {
      if (isCutOff) throw new StoreError('transient', 'no route');
      return perform();
    });
    const memory = inMemory();
    const holder = keeper('i-1', memory, store);
    await holder.acquire({ signal: never(), onWait: ignore });
    await bucket.put(`runs/${RUN}/attempts/000001/0000/started.json`, Buffer.from('{}'));
    isCutOff = true;
    const reconnect = (): void => void (isCutOff = false);
    const fencedBy: unknown[] = [];
    const stop = new AbortController();
    const running = holder.run(stop.signal, (by) => fencedBy.push(by));
    await clock.advance(62_000);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
    };
    return { holder, memory, reconnect, fencedBy, end };
  }

  test('a holder that was cut off leaves a lost lease to the one that took it and shows nothing yet', async () => {
    const given = world();
    const { clock, bucket, keeper } = given;
    const { holder, reconnect, fencedBy, end } = await cutOffHolder(given);
    const second = keeper('i-2');
    expect(await second.tryAcquire()).toBe(2);
    await bucket.delete([`runs/${RUN}/lease.json`]);
    reconnect();
    const stop = new AbortController();
    const running = second.run(stop.signal, () => expect.unreachable());
    await clock.advance(10_000);
    expect(holder.view().state).toBe('doubtful');
    await clock.advance(20_000);
    expect(second.mayPublish()).toEqual({ generation: 2 });
    expect(fencedBy).toEqual([{ owner: 'i-2', generation: 2 }]);
    stop.abort();
    await Promise.all([running, end()]);
  });

  test.each(['cut off', 'started again'])(
    'a holder that was %s writes a lost lease anew once nobody else did',
    async (how) => {
      const given = world();
      const { clock, bucket, keeper } = given;
      const first = await cutOffHolder(given);
      await bucket.delete([`runs/${RUN}/lease.json`]);
      first.reconnect();
      const restarted = how === 'started again' ? keeper('i-1', first.memory) : null;
      if (restarted !== null) await first.end();
      const holder = restarted ?? first.holder;
      await restarted?.resume();
      const stop = new AbortController();
      const running = restarted?.run(stop.signal, () => expect.unreachable());
      await clock.advance(leasePolicy.ttlMs - 1);
      expect(holder.mayPublish()).toBeNull();
      await clock.advance(leasePolicy.renewEveryMs);
      expect(holder.mayPublish()).toEqual({ generation: 1 });
      stop.abort();
      await Promise.all([running, first.end()]);
      expect(first.fencedBy).toEqual([]);
    },
  );

  test('a holder that was cut off and gives up leaves a lost lease alone', async () => {
    const given = world();
    const { bucket } = given;
    const { holder, reconnect, end } = await cutOffHolder(given);
    await bucket.delete([`runs/${RUN}/lease.json`]);
    reconnect();
    await holder.release();
    await end();
    await expect(readBytes(bucket, `runs/${RUN}/lease.json`)).rejects.toMatchObject({ kind: 'missing' });
  });

  test('a holder that has renewed for long writes a lost lease anew at its next renewal', async () => {
    const { clock, bucket, keeper } = world();
    const holder = keeper('i-1');
    await holder.acquire({ signal: never(), onWait: ignore });
    const stop = new AbortController();
    const running = holder.run(stop.signal, () => expect.unreachable());
    await clock.advance(10 * leasePolicy.ttlMs);
    await bucket.delete([`runs/${RUN}/lease.json`]);
    await clock.advance(leasePolicy.renewEveryMs);
    expect(await keeper('i-2').tryAcquire()).toBeNull();
    expect(holder.view().renewedAgoMs).toBeLessThanOrEqual(leasePolicy.renewEveryMs);
    stop.abort();
    await running;
  });

  test('a lease that is lost again before a waiter sees it rewritten stays with its living holder', async () => {
    const { clock, bucket, keeper } = world();
    const [holder, waiter] = [keeper('i-1'), keeper('i-2')];
    await holder.acquire({ signal: never(), onWait: ignore });
    await bucket.put(`runs/${RUN}/attempts/000001/0000/started.json`, Buffer.from('{}'));
    await bucket.delete([`runs/${RUN}/lease.json`]);
    expect(await waiter.tryAcquire()).toBeNull();
    const stop = new AbortController();
    const running = holder.run(stop.signal, () => expect.unreachable());
    await clock.advance(leasePolicy.renewEveryMs);
    await bucket.delete([`runs/${RUN}/lease.json`]);
    const waiting = waiter.acquireUnlessHeld();
    expect(waiter.isLost).toBe(true);
    expect(await clock.runUntil(waiting)).toBeNull();
    expect(holder.mayPublish()).toEqual({ generation: 1 });
    stop.abort();
    await running;
  });

  test('is the same holder after a restart, and publishes after the first renewal', async () => {
    const { clock, keeper } = world();
    const memory = inMemory();
    await keeper('i-1', memory).acquire({ signal: never(), onWait: ignore });
    await clock.advance(5000);
    const restarted = keeper('i-1', memory);
    expect(await restarted.resume()).toBe(1);
    expect(restarted.mayPublish()).toBeNull();
    const stop = new AbortController();
    const running = restarted.run(stop.signal, () => expect.unreachable());
    await clock.advance(1);
    expect(restarted.mayPublish()).toEqual({ generation: 1 });
    stop.abort();
    await running;
    expect(await keeper('i-2').resume()).toBeNull();
  });

  test('keeps its nonce before the bucket may see it, so that a lost answer leaves the machine the holder', async () => {
    const { bucket, keeper } = world();
    const memory = inMemory();
    let nonceWhenPut: string | undefined;
    const losing = intercepted(bucket, async (call, perform) => {
      if (call.operation === 'put') nonceWhenPut = memory.identity?.nonce;
      const result = await perform();
      if (call.operation === 'put') throw new StoreError('transient', 'the answer was lost');
      return result;
    });
    await expect(keeper('i-1', memory, losing).tryAcquire()).rejects.toMatchObject({ kind: 'transient' });
    expect(nonceWhenPut).toBe(memory.identity?.nonce);
    expect(memory.identity?.nonce).toBeTruthy();
    expect(await keeper('i-1', memory).tryAcquire()).toBe(1);
  });

  test('stops waiting when it is told to, and where waiting is no use', async () => {
    const { bucket, clock, keeper } = world();
    await keeper('i-1').acquire({ signal: never(), onWait: ignore });
    const stop = new AbortController();
    const waiting = keeper('i-2').acquire({ signal: stop.signal, onWait: ignore });
    await clock.advance(10_000);
    stop.abort(new Error('the machine goes down'));
    await expect(waiting).rejects.toThrow('the machine goes down');
    const denied = intercepted(bucket, async () => {
      throw new StoreError('denied', 'not for you');
    });
    const hopeless = keeper('i-3', inMemory(), denied).acquire({ signal: never(), onWait: ignore });
    await expect(hopeless).rejects.toMatchObject({ kind: 'denied' });
  });
});

describe('the memory of a machine', () => {
  test('survives in a file that only its owner reads, and a torn one counts as none', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'r-aaaaaaaaaa', 'lease.json');
    const memory = fileLeaseMemory(path);
    expect(await memory.load()).toBeNull();
    await memory.save({ nonce: 'n', generation: 4 });
    await memory.save({ nonce: 'n', generation: 5 });
    expect(await fileLeaseMemory(path).load()).toEqual({ nonce: 'n', generation: 5 });
    expect(await readFile(path, 'utf8')).toBe('{"nonce":"n","generation":5}\n');
    await writeFile(path, '{"nonce":"n","gen');
    expect(await memory.load()).toBeNull();
  });
});
