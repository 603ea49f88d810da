import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { estimateFit } from './estimate.ts';
import type { FitObservations, EarlierStop } from './observations.ts';

const S = 1000;
const GIB = 1024 ** 3;
const nothing: FitObservations = {
  usableMs: 110 * S,
  saveLimitMs: 90 * S,
  savesMs: [],
  uploadsMs: [],
  uploadingForMs: null,
  stops: [],
  ranMs: 0,
  sizeBytes: null,
  intervalsMs: [],
};
const stop = (given: Partial<EarlierStop> = {}): EarlierStop => ({
  interruption: true,
  saveMs: 12 * S,
  killed: false,
  uploadMs: 9 * S,
  saved: true,
  ...given,
});

describe('whether a last save fits into a notice', () => {
  test('is said of what earlier stops took', () => {
    const fit = estimateFit({ ...nothing, stops: [stop(), stop({ saveMs: 8 * S })], savesMs: [2 * S] });
    expect(fit.summary).toBe('save 12 s + upload 9.0 s of 1m 50s usable: fits');
    expect(fit).toMatchObject({ verdict: 'fits', save: { from: 'stop' }, upload: { from: 'stop' }, advice: [] });
  });

  test('before the first stop goes by regular checkpoints, and says what those do not tell', () => {
    const fit = estimateFit({ ...nothing, savesMs: [3 * S, 4 * S, 90 * S], uploadsMs: [5 * S, 6 * S, 100 * S] });
    expect(fit.summary).toBe(
      'save 4.0 s + upload 6.0 s of 1m 50s usable: fits, if the script ends its step and exits in the rest',
    );
  });

  test('is not known while a part of it is not, and no part is assumed', () => {
    expect(estimateFit(nothing)).toMatchObject({ verdict: 'unknown', neededBytesPerSecond: null, interval: null });
    expect(estimateFit({ ...nothing, uploadsMs: [6 * S] }).summary).toBe(
      'save unknown + upload 6.0 s of 1m 50s usable: not known yet',
    );
    expect(estimateFit({ ...nothing, uploadingForMs: 30 * S, savesMs: [S] }).summary).toBe(
      'save 1.0 s + upload at least 30 s of 1m 50s usable: not known yet',
    );
  });

  test('is denied as soon as one part alone takes too long', () => {
    expect(estimateFit({ ...nothing, uploadingForMs: 120 * S }).verdict).toBe('does-not-fit');
    expect(estimateFit({ ...nothing, uploadsMs: [120 * S] }).verdict).toBe('does-not-fit');
    expect(estimateFit({ ...nothing, savesMs: [95 * S] }).summary).toContain('killed after 1m 30s');
    expect(estimateFit({ ...nothing, stops: [stop({ killed: true, saved: false })] }).verdict).toBe('does-not-fit');
  });

  test('keeps the measured save beside one that was cut off earlier', () => {
    const killed = stop({ saveMs: 44 * S, killed: true, saved: false });
    expect(estimateFit({ ...nothing, stops: [killed], savesMs: [86 * S], uploadsMs: [S] }).summary).toBe(
      'save 1m 26s + upload 1.0 s of 1m 50s usable: does not fit, the script was killed at the last stop',
    );
    const whole = stop({ saveMs: 90 * S });
    expect(estimateFit({ ...nothing, stops: [killed, whole] }).save).toEqual({ ms: 90 * S, from: 'stop' });
  });

  test('says "at least" of a save that was cut off beyond all that was measured, and never that it fits', () => {
    const killed = stop({ saveMs: 44 * S, killed: true, saved: false });
    const fit = estimateFit({ ...nothing, stops: [killed], savesMs: [8 * S], uploadsMs: [S] });
    expect(fit.save).toEqual({ ms: 44 * S, from: 'cut-off' });
    expect(fit.summary).toContain('save at least 44 s + upload 1.0 s');
    const later = estimateFit({ ...nothing, stops: [stop({ saveMs: 12 * S }), killed] });
    expect(later).toMatchObject({ verdict: 'unknown', save: { from: 'cut-off' } });
  });

  test('with advice in numbers when the network is too slow', () => {
    const fit = estimateFit({ ...nothing, savesMs: [10 * S], uploadsMs: [200 * S], sizeBytes: 50 * GIB });
    expect(fit.neededBytesPerSecond).toBeCloseTo((50 * GIB) / 100);
    expect(fit.advice).toEqual([
      '50.0 GiB in the 1m 40s that the save leaves need 4.3 Gbit/s, and this machine brought 2.15 Gbit/s to S3: choose a type with at least 4.3 Gbit/s of network, or shard the checkpoint over 2 machines',
      'save every 6m 19s: an interruption then costs at most 9m 49s of work without any final save',
    ]);
  });

  test('but asks for no network when there is nothing to send', () => {
    const { advice } = estimateFit({ ...nothing, savesMs: [40 * S], uploadingForMs: 71 * S, sizeBytes: 0 });
    expect(advice).toEqual([expect.stringMatching(/^save every /)]);
  });

  test('with advice in numbers when the save is too slow', () => {
    const [advice] = estimateFit({ ...nothing, savesMs: [180 * S], uploadsMs: [9 * S], sizeBytes: 20 * GIB }).advice;
    expect(advice).toBe(
      'the save takes 3m of the 1m 30s that the script has: shard it over 3 processes that write at the same time, or make it smaller than 10.0 GiB',
    );
  });
});

describe('the interval between checkpoints', () => {
  test('is that of Young until final saves were seen to work, and says that the rate is an assumption', () => {
    const { interval } = estimateFit({ ...nothing, savesMs: [10 * S], uploadsMs: [S], intervalsMs: [60 * S] });
    expect(interval).toMatchObject({ nowMs: 60 * S, suggestedMs: Math.round(Math.sqrt(2 * 10 * S * 7200 * S)) });
    expect(interval?.reason).toMatch(/assumed .*; no final save was seen yet, so none is counted on/);
  });

  test('grows with the share of final saves that came through, and goes by interruptions of the run itself', () => {
    const stops = Array.from({ length: 8 }, () => stop());
    const { interval } = estimateFit({ ...nothing, savesMs: [10 * S], stops, ranMs: 8 * 3600 * S });
    expect(interval?.suggestedMs).toBe(Math.round(Math.sqrt((2 * 10 * S * 3600 * S) / (1 - 9 / 10))));
    expect(interval?.reason).toBe(
      'a save costs 10 s; this run was interrupted each 1h; 8 of 8 final saves came through',
    );
  });

  test('does not count on final saves that do not fit, nor asks for more than can be uploaded', () => {
    const stops = [stop({ saveMs: 300 * S, uploadMs: 900 * S })];
    const { interval } = estimateFit({ ...nothing, savesMs: [S], stops });
    expect(interval).toMatchObject({ suggestedMs: 1200 * S });
    expect(interval?.reason).toContain('the final save is not counted on; a save and its upload take 20m');
  });
});

const anyMs = fc.integer({ min: 0, max: 400 * S });
const worlds = fc.record({
  usableMs: fc.constant(110 * S),
  saveLimitMs: fc.integer({ min: S, max: 90 * S }),
  savesMs: fc.array(anyMs, { maxLength: 5 }),
  uploadsMs: fc.array(anyMs, { maxLength: 5 }),
  uploadingForMs: fc.option(anyMs, { nil: null }),
  stops: fc.array(
    fc.record({
      interruption: fc.boolean(),
      saveMs: fc.option(anyMs, { nil: null }),
      killed: fc.boolean(),
      uploadMs: fc.option(anyMs, { nil: null }),
      saved: fc.boolean(),
    }),
    { maxLength: 4 },
  ),
  ranMs: fc.nat(1e8),
  sizeBytes: fc.option(fc.nat(1e12), { nil: null }),
  intervalsMs: fc.array(anyMs, { maxLength: 3 }),
});

test('whatever was measured: fits only what is known whole and short enough, and advises whenever it does not fit', () => {
  fc.assert(
    fc.property(worlds, (seen) => {
      const fit = estimateFit(seen);
      if (fit.verdict === 'fits') {
        expect(fit.save.ms).not.toBeNull();
        expect(fit.upload.ms).not.toBeNull();
        expect(Number(fit.save.ms) + Number(fit.upload.ms)).toBeLessThanOrEqual(seen.usableMs);
        expect(Number(fit.save.ms)).toBeLessThanOrEqual(seen.saveLimitMs);
      }
      expect(fit.advice.length > 0).toBe(fit.verdict === 'does-not-fit');
      const texts = [fit.summary, ...fit.advice, fit.interval?.reason ?? ''].join(' ');
      expect(texts).not.toMatch(/NaN|Infinity|undefined|null|-\d/);
      if (fit.interval !== null) expect(Number.isFinite(fit.interval.suggestedMs)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
