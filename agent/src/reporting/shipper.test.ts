import { appendFile, readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { silentLog, systemClock } from '@runctl/core';
import { parseLogKey, runKeys } from '@runctl/protocol';
import { collect, intercepted, MemoryStore, type ObjectStore, StoreError } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogShipper, type LogShipper, wholeLines } from './shipper.ts';

const keys = runKeys('r-aaaaaaaaaa');

/** A log on a disk and a bucket; further shippers on it are what restarted agents have. */
async function logWorld(wrap: (store: ObjectStore) => ObjectStore = (store) => store) {
  const folder = await temporaryFolder('runctl-log');
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock });
  const path = `${folder.path}/training.log`;
  const shipper = (chunkBytes?: number): LogShipper =>
    createLogShipper({
      store: wrap(memory),
      keys,
      generation: 1,
      node: 0,
      path,
      clock,
      log: silentLog,
      everyMs: 5000,
      ...(chunkBytes === undefined ? {} : { chunkBytes }),
    });
  /** What a reader puts together; fails on a gap or an overlap. */
  const published = async (): Promise<{ text: string; chunks: string[] }> => {
    const chunks: string[] = [];
    let end = 0;
    for await (const { key } of memory.list({ prefix: keys.logFolder(1, 0) })) {
      expect(parseLogKey(`/${key}`)?.offset).toBe(end);
      const raw = gunzipSync(await collect((await memory.get(key)).body));
      chunks.push(raw.toString('latin1'));
      end += raw.length;
    }
    return { text: chunks.join(''), chunks };
  };
  const write = (text: string) => appendFile(path, text, 'latin1');
  const written = () => readFile(path, 'latin1').catch(() => '');
  return { clock, shipper, published, write, written, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

describe('shipping the log', () => {
  test('sends whole lines, and the rest with the last pass', async () => {
    await using world = await logWorld();
    const shipper = world.shipper();
    await shipper.pass();
    await world.write('step 1\nstep 2\nste');
    await shipper.pass();
    expect((await world.published()).text).toBe('step 1\nstep 2\n');
    await world.write('p 3');
    await shipper.pass({ all: true });
    expect((await world.published()).chunks).toEqual(['step 1\nstep 2\n', 'step 3']);
    expect(shipper.shippedBytes()).toBe(20);
  });

  test("takes a progress bar's carriage return for the end of a line, and does not wait for ever for one", async () => {
    await using world = await logWorld();
    const shipper = world.shipper();
    await world.write(' 10%\r 20%\r 30');
    await shipper.pass();
    await shipper.pass();
    expect((await world.published()).text).toBe(' 10%\r 20%\r');
    await shipper.pass();
    expect((await world.published()).text).toBe(' 10%\r 20%\r 30');
  });

  test('cuts a long log into chunks of bounded size', async () => {
    await using world = await logWorld();
    await world.write(`${'x'.repeat(99)}\n`.repeat(50));
    await world.shipper(1024).pass();
    const { chunks, text } = await world.published();
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(1024);
    expect(text).toBe(await world.written());
  });

  test('sends an unconfirmed chunk again as it was, though the log has grown: a reader may have it already', async () => {
    let loseAnswer = true;
    await using world = await logWorld((store) =>
      intercepted(store, async (call, perform) => {
        const result = await perform();
        if (call.operation === 'put' && loseAnswer) throw new StoreError('transient', 'the answer was lost');
        return result;
      }),
    );
    const shipper = world.shipper();
    await world.write('one\n');
    await expect(shipper.pass()).rejects.toThrow('lost');
    loseAnswer = false;
    await world.write('two\n');
    await shipper.pass();
    expect((await world.published()).chunks).toEqual(['one\n', 'two\n']);
  });

  test('ships every second while a run is young, then less often, and survives a bucket that fails', async () => {
    let down = false;
    let refusals = 0;
    await using world = await logWorld((store) =>
      intercepted(store, (_call, perform) => {
        if (!down) return perform();
        refusals++;
        throw new StoreError('transient', 'down');
      }),
    );
    const stop = new AbortController();
    const running = world.shipper().run(stop.signal);
    await world.write('one\n');
    await advanceUntil(world.clock, 1100, async () => (await world.published()).text === 'one\n');
    down = true;
    await world.write('two\n');
    await advanceUntil(world.clock, 40_000, async () => refusals >= 3);
    down = false;
    await advanceUntil(world.clock, 12_000, async () => (await world.published()).text === 'one\ntwo\n');
    stop.abort();
    await running;
  });
});

/** Moves the clock in small steps, at most that far; real files may need longer than that on a slow machine. */
async function advanceUntil(clock: FakeClock, withinMs: number, condition: () => Promise<boolean>): Promise<void> {
  const giveUpMs = performance.now() + 60_000;
  for (let ms = 0; !(await condition()); ms += 50) {
    if (performance.now() > giveUpMs) throw new Error(`not within ${withinMs} ms`);
    if (ms < withinMs) await clock.advance(50);
    await systemClock.sleep(2);
  }
}

test('nothing is lost or doubled, however the log grows, answers get lost and agents restart', async () => {
  const pieces = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r'), maxLength: 40 });
  const acts = fc.array(
    fc.oneof(
      pieces.map((text) => ({ write: text }) as const),
      fc.constantFrom('pass', 'pass-all', 'restart', 'lose-answer', 'refuse' as const),
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(acts, async (script) => {
      let fault: 'none' | 'lose-answer' | 'refuse' = 'none';
      await using world = await logWorld((store) =>
        intercepted(store, async (call, perform) => {
          const now = fault;
          if (call.operation !== 'put') return perform();
          fault = 'none';
          if (now === 'refuse') throw new StoreError('transient', 'refused');
          const result = await perform();
          if (now === 'lose-answer') throw new StoreError('transient', 'lost');
          return result;
        }),
      );
      let shipper = world.shipper(64);
      for (const act of script) {
        if (typeof act === 'object') await world.write(act.write);
        else if (act === 'restart') shipper = world.shipper(64);
        else if (act === 'pass' || act === 'pass-all') await shipper.pass({ all: act === 'pass-all' }).catch(() => {});
        else fault = act;
      }
      fault = 'none';
      await shipper.pass({ all: true });
      expect((await world.published()).text).toBe(await world.written());
      expect(shipper.shippedBytes()).toBe((await world.written()).length);
    }),
    { numRuns: 200 },
  );
});

test('whole lines end with the last end of a line', () => {
  expect(wholeLines(Buffer.from('a\nb\nc'))).toBe(4);
  expect(wholeLines(Buffer.from('a\rb'))).toBe(2);
  expect(wholeLines(Buffer.from('abc'))).toBe(0);
});
