import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { inParallel } from './in-parallel.ts';

describe('work in parallel', () => {
  test('keeps the order of results and the limit, whatever takes how long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, limit) => {
          let running = 0;
          let most = 0;
          const results = await inParallel(delays.entries(), { concurrency: limit }, async ([index, turns]) => {
            most = Math.max(most, ++running);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running--;
            return index;
          });
          expect(results).toEqual([...delays.keys()]);
          expect(most).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  test('rejects with the first failure, after all else has ended', async () => {
    let running = 0;
    const working = inParallel([1, 2, 3, 4], { concurrency: 3 }, async (item, signal) => {
      running++;
      if (item === 2) {
        running--;
        throw new Error('the second failed');
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await systemClock.sleep(2);
      running--;
      return item;
    });
    await expect(working).rejects.toThrow('the second failed');
    expect(running).toBe(0);
  });
});
