import type { LogEvent } from '@runctl/protocol/events';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore, StoreError, intercepted, isStoreError } from '@runctl/store';
import { FakeClock } from '@runctl/testkit';
import { WrittenRun } from '../testing/written-run.ts';
import { createLogReader, readLogTail } from './log-reader.ts';
import { place } from './log-position.ts';

const RUN = 'r-abcdefghij';

/** Ways to cut a text into chunks that overlap, with some left out. */
const chunked = fc
  .record({
    text: fc.string({ minLength: 1, maxLength: 60, unit: fc.constantFrom('a', 'b', 'c', '\n') }),
    cuts: fc.array(fc.nat(60), { maxLength: 6 }),
    overlaps: fc.array(fc.nat(5), { minLength: 8, maxLength: 8 }),
    missing: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  })
  .map(({ text, cuts, overlaps, missing }) => {
    const edges = [...new Set([0, ...cuts.filter((cut) => cut < text.length), text.length])].sort((a, b) => a - b);
    const chunks = edges.slice(0, -1).map((from, index) => {
      // A chunk is never written again, so an overlapping one begins behind the beginning of the one before it.
      const begin = index === 0 ? 0 : Math.max((edges[index - 1] ?? 0) + 1, from - (overlaps[index] ?? 0));
      return { offset: begin, text: text.slice(begin, edges[index + 1]) };
    });
    return { text, chunks: chunks.filter((_, index) => missing[index] !== true) };
  });

async function written(chunks: readonly { offset: number; text: string }[]): Promise<MemoryStore> {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  const run = new WrittenRun(store, RUN, clock);
  for (const { offset, text } of chunks) await run.log(1, text, offset);
  return store;
}

const textOf = (events: readonly LogEvent[]): string =>
  events.map((event) => (event.type === 'log-bytes' ? Buffer.from(event.bytes).toString() : '')).join('');

describe('the log', () => {
  test('gives every byte that is there once, in order, and names exactly the bytes that are not', async () => {
    await fc.assert(
      fc.asyncProperty(chunked, async ({ text, chunks }) => {
        const reader = createLogReader({ store: await written(chunks), run: RUN });
        const events: LogEvent[] = [];
        for await (const event of reader.read()) events.push(event);
        let position = 0;
        for (const event of events) {
          if (event.type === 'log-gap') {
            expect(event.from).toBe(position);
            expect(
              chunks.some((chunk) => chunk.offset < event.to && chunk.offset + chunk.text.length > event.from),
            ).toBe(false);
            position = event.to;
          } else {
            expect(event.offset).toBe(position);
            expect(Buffer.from(event.bytes).toString()).toBe(text.slice(position, position + event.bytes.length));
            position += event.bytes.length;
          }
        }
        expect(position).toBe(Math.max(0, ...chunks.map((chunk) => chunk.offset + chunk.text.length)));
      }),
      { numRuns: 200 },
    );
  });

  test('gives the same whether it is read once or after every chunk, live pieces included', async () => {
    await fc.assert(
      fc.asyncProperty(chunked, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), async ({ chunks }, live) => {
        const clock = new FakeClock();
        const store = new MemoryStore({ clock });
        const run = new WrittenRun(store, RUN, clock);
        const reader = createLogReader({ store, run: RUN });
        const events: LogEvent[] = [];
        for (const [index, { offset, text }] of chunks.entries()) {
          if (live[index] === true)
            events.push(...reader.accept({ generation: 1, node: 0, offset, bytes: Buffer.from(text) }));
          await run.log(1, text, offset);
          for await (const event of reader.read()) events.push(event);
        }
        const whole: LogEvent[] = [];
        for await (const event of createLogReader({ store, run: RUN }).read()) whole.push(event);
        expect(textOf(events)).toBe(textOf(whole));
      }),
      { numRuns: 100 },
    );
  });

  test('--tail gives exactly the last lines', async () => {
    await fc.assert(
      fc.asyncProperty(chunked, fc.integer({ min: 1, max: 10 }), async ({ text, chunks }, lines) => {
        fc.pre(chunks.length > 0 && chunks.map((chunk) => chunk.text.length).every((length) => length > 0));
        const whole: LogEvent[] = [];
        const store = await written(chunks);
        for await (const event of createLogReader({ store, run: RUN }).read()) whole.push(event);
        fc.pre(textOf(whole) === text);
        const expected = text.replace(/\n$/, '').split('\n').slice(-lines).join('\n');
        expect(textOf(await readLogTail({ store, run: RUN }, lines)).replace(/\n$/, '')).toBe(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('a chunk that could not be read is given by the next pass, and none twice', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock });
    const run = new WrittenRun(store, RUN, clock);
    for (const text of ['one\n', 'two\n', 'three\n']) await run.log(1, text);
    let gets = 0;
    const flaky = intercepted(store, (call, perform) => {
      if (call.operation === 'get' && ++gets === 2) throw new StoreError('transient', 'the line is down');
      return perform();
    });
    const reader = createLogReader({ store: flaky, run: RUN });
    const events: LogEvent[] = [];
    for (let pass = 0; pass < 3; pass++) {
      try {
        for await (const event of reader.read()) events.push(event);
      } catch (error) {
        expect(isStoreError(error, 'transient')).toBe(true);
      }
    }
    expect(gets).toBe(4);
    expect(textOf(events)).toBe('one\ntwo\nthree\n');
    expect(events.every((event) => event.type === 'log-bytes')).toBe(true);
  });

  test('a position never goes back', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.nat(1000), (position, offset, sizeBytes) => {
        const placed = place(position, { offset, sizeBytes });
        expect(placed.position).toBeGreaterThanOrEqual(position);
        expect(placed.skip).toBeLessThanOrEqual(sizeBytes);
      }),
    );
  });
});
