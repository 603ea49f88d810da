import { describe, expect, test } from 'vitest';
import { growingPauses, until, type UntilOptions } from './index.ts';

/** Fails with these errors, one a call, then succeeds. */
function failing(...errors: readonly Error[]) {
  const calls: number[] = [];
  const operation = async (attempt: number): Promise<string> => {
    const error = errors[calls.push(attempt) - 1];
    if (error !== undefined) throw error;
    return 'done';
  };
  return { calls, operation };
}

/** Options whose clock only notes the pauses, and the journal of what was told. */
function watched(more: Partial<UntilOptions> = {}) {
  const journal: string[] = [];
  const options: UntilOptions = {
    clock: {
      sleep: async (ms, signal) => {
        journal.push(`sleep ${ms}`);
        signal?.throwIfAborted();
      },
    },
    signal: new AbortController().signal,
    pauseMs: (attempt) => attempt * 10,
    isFinal: () => false,
    onTrouble: ({ error, attempt, pauseMs }) => journal.push(`${attempt}: ${(error as Error).message}, ${pauseMs}`),
    ...more,
  };
  return { journal, options };
}

describe('until', () => {
  test('gives the first success at once', async () => {
    const { journal, options } = watched();
    const { calls, operation } = failing();
    expect(await until(operation, options)).toBe('done');
    expect(calls).toEqual([1]);
    expect(journal).toEqual([]);
  });

  test('tells of each failure before it pauses, and tries again', async () => {
    const { journal, options } = watched();
    const { calls, operation } = failing(new Error('first'), new Error('second'));
    expect(await until(operation, options)).toBe('done');
    expect(calls).toEqual([1, 2, 3]);
    expect(journal).toEqual(['1: first, 10', 'sleep 10', '2: second, 20', 'sleep 20']);
  });

  test('goes on for thousands of failures', async () => {
    const { options } = watched({ pauseMs: growingPauses({ baseMs: 500, maxMs: 30_000 }) });
    const { calls, operation } = failing(...Array.from({ length: 5000 }, () => new Error('again')));
    expect(await until(operation, options)).toBe('done');
    expect(calls).toHaveLength(5001);
  });

  test('throws a final error untold, also one that came often enough', async () => {
    const { journal, options } = watched({ isFinal: (error, attempt) => error instanceof TypeError || attempt === 3 });
    await expect(until(failing(new Error('once'), new TypeError('final')).operation, options)).rejects.toThrow('final');
    expect(journal).toEqual(['1: once, 10', 'sleep 10']);
    const often = failing(new Error('1'), new Error('2'), new Error('3'));
    await expect(until(often.operation, options)).rejects.toThrow('3');
    expect(often.calls).toEqual([1, 2, 3]);
  });

  test("throws the signal's reason when it fires during a try that fails, unless the error is final", async () => {
    for (const [isFinal, thrown] of [
      [false, 'reason'],
      [true, 'cut off'],
    ] as const) {
      const stop = new AbortController();
      const { journal, options } = watched({ signal: stop.signal, isFinal: () => isFinal });
      const cutOff = async (): Promise<never> => {
        stop.abort(new Error('reason'));
        throw new Error('cut off');
      };
      await expect(until(cutOff, options)).rejects.toThrow(thrown);
      expect(journal).toEqual([]);
    }
  });

  test("throws the signal's reason when it fires during a pause", async () => {
    const stop = new AbortController();
    const { options } = watched({ signal: stop.signal, onTrouble: () => stop.abort(new Error('reason')) });
    const { calls, operation } = failing(new Error('once'));
    await expect(until(operation, options)).rejects.toThrow('reason');
    expect(calls).toEqual([1]);
  });

  test('pauses half a second to half a minute unless told otherwise', async () => {
    const pauses: number[] = [];
    const { options } = watched({ onTrouble: ({ pauseMs }) => pauses.push(pauseMs) });
    const { pauseMs: _, ...rest } = options;
    await until(failing(...Array.from({ length: 20 }, () => new Error('again'))).operation, rest);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(250);
    expect(pauses[0]).toBeLessThanOrEqual(500);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(15_000);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
  });
});

test('growing pauses double up to their limit, and jitter takes at most half', () => {
  const pauses = [0, 1].map((random) => growingPauses({ baseMs: 100, maxMs: 1000 }, () => random));
  expect([1, 2, 3, 4, 5, 2000].map(pauses[1]!)).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect([1, 2, 3, 4, 5, 2000].map(pauses[0]!)).toEqual([50, 100, 200, 400, 500, 500]);
});
