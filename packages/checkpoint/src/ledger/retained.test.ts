import { type RetentionPolicy, runKeys } from '@runctl/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { retained, type RetainedManifest, type RetentionFacts } from './retained.ts';

const HOUR_MS = 3_600_000;
const LONG_AGO_MS = 1000 * HOUR_MS;

interface Written {
  readonly generation?: number;
  readonly step: number | null;
  readonly loss?: number;
  readonly atMs?: number;
  readonly committed?: boolean;
  /** The script had written nothing of its step anew since the one before: something beside it had changed. */
  readonly again?: boolean;
}

const keyOf = (index: number, generation: number): string =>
  runKeys('r-abcdefghij').manifest({ generation, seq: index + 1 });

/** Manifests as a run writes them: each names the last committed one before it. */
function history(written: readonly Written[]): readonly RetainedManifest[] {
  let previous: string | null = null;
  let save = { step: null as number | null, savedAt: '' };
  return written.map(({ generation = 1, step, loss, atMs, committed = true, again = false }, index) => {
    const key = keyOf(index, generation);
    if (!again) save = { step, savedAt: `save ${index}` };
    const facts = { ...save, previous, metrics: loss === undefined ? {} : { loss } };
    if (committed) previous = key;
    return { key, generation, seq: index + 1, lastModifiedMs: atMs ?? index, facts };
  });
}

const facts = (given: Partial<RetentionFacts> & { latest: string }): RetentionFacts => ({
  generation: 9,
  nowMs: LONG_AGO_MS,
  graceMs: HOUR_MS,
  reading: new Set(),
  damaged: new Set(),
  ...given,
});
const policy = (given: Partial<RetentionPolicy> = {}): RetentionPolicy => ({
  last: 1,
  everySteps: null,
  best: null,
  ...given,
});
/** `m0` for the first that was written. */
const nameOf = ({ seq }: RetainedManifest): string => `m${seq - 1}`;
const kept = (
  manifests: readonly RetainedManifest[],
  given: Partial<RetentionPolicy> = {},
  about: Partial<RetentionFacts> = {},
): readonly string[] =>
  retained(manifests, policy(given), facts({ latest: manifests.at(-1)?.key ?? '', ...about }))
    .filter((decision) => decision.keep)
    .map((decision) => nameOf(decision.manifest));

describe('what is kept', () => {
  test('the latest and the number of checkpoints before it that was asked for', () => {
    const run = history([1, 2, 3, 4, 5].map((step) => ({ step })));
    expect(kept(run, { last: 2 })).toEqual(['m2', 'm3', 'm4']);
  });

  test('of the checkpoints of one save the newest counts, and one to fall back to stays', () => {
    const again = { step: null, again: true };
    const run = history([{ step: 1 }, { step: 2 }, again, { step: 3 }, again, again, again]);
    expect(kept(run, { last: 1 })).toEqual(['m2', 'm5', 'm6']);
    expect(kept(run, { last: 2 })).toEqual(['m0', 'm2', 'm5', 'm6']);
    expect(kept([...run, ...history([{ step: 3 }]).map((other) => ({ ...other, key: keyOf(7, 1), seq: 8 }))])).toEqual([
      'm6',
      'm7',
    ]);
  });

  test('the first at or after each multiple of a number of steps', () => {
    const run = history([40, 90, 103, 160, 210, 290, 330, 340, 350].map((step) => ({ step })));
    expect(kept(run, { everySteps: 100 })).toEqual(['m0', 'm2', 'm4', 'm6', 'm7', 'm8']);
  });

  test('of two that claim a step, the one on the way to the latest', () => {
    const run = history(
      [100, 200, 300, 210, 320, 330, 340].map((step, index) => ({ step, generation: index < 3 ? 1 : 2 })),
    );
    expect(kept(run, { everySteps: 100 })).toEqual(['m0', 'm1', 'm4', 'm5', 'm6']);
  });

  test('the best by a metric, and of equals the newest', () => {
    const run = history([0.5, 0.2, 0.2, 0.4, 0.6, 0.7].map((loss, step) => ({ step, loss })));
    expect(kept(run, { best: { metric: 'loss', mode: 'min' } })).toEqual(['m2', 'm4', 'm5']);
    expect(kept(run, { best: { metric: 'loss', mode: 'max' } })).toEqual(['m4', 'm5']);
    expect(kept(run, { best: { metric: 'accuracy', mode: 'max' } })).toEqual(['m4', 'm5']);
  });

  test('no manifest counts that was never committed or was found damaged', () => {
    const run = history([{ step: 1 }, { step: 2 }, { step: 3, committed: false }, { step: 4 }, { step: 5 }]);
    expect(kept(run, { last: 2 })).toEqual(['m1', 'm3', 'm4']);
    expect(kept(run, { last: 1 }, { damaged: new Set([keyOf(3, 1)]) })).toEqual(['m1', 'm4']);
  });

  test('what the policy wanted within the hour, such as the best until a better one came', () => {
    const run = history([
      { step: 1, loss: 0.2 },
      { step: 2, loss: 0.9 },
      { step: 3, loss: 0.9 },
      { step: 4, loss: 0.1, atMs: LONG_AGO_MS - HOUR_MS / 2 },
    ]);
    const best = { metric: 'loss', mode: 'min' } as const;
    expect(kept(run, { best })).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(kept(run, { best }, { nowMs: LONG_AGO_MS + HOUR_MS })).toEqual(['m2', 'm3']);
  });

  test('everything, where the latest belongs to a generation after ours', () => {
    const run = history([1, 2, 3, 4].map((step) => ({ step, generation: 2 })));
    expect(kept(run, {}, { generation: 1 })).toHaveLength(4);
  });
});

const worlds = fc.record({
  written: fc.array(
    fc.record({
      generation: fc.integer({ min: 1, max: 3 }),
      step: fc.option(fc.nat(60), { nil: null }),
      loss: fc.integer({ min: 0, max: 5 }),
      minutes: fc.integer({ min: 0, max: 50 }),
      committed: fc.boolean(),
      again: fc.boolean(),
    }),
    { minLength: 1, maxLength: 14 },
  ),
  last: fc.integer({ min: 0, max: 4 }),
  everySteps: fc.option(fc.integer({ min: 1, max: 20 }), { nil: null }),
  best: fc.option(fc.constantFrom('min' as const, 'max' as const), { nil: null }),
  holder: fc.integer({ min: 1, max: 3 }),
  laterMinutes: fc.nat(200),
  reading: fc.nat(13),
  unreadable: fc.nat(40),
});

function worldOf(given: typeof worlds extends fc.Arbitrary<infer W> ? W : never) {
  let atMs = LONG_AGO_MS;
  const ordered = given.written.toSorted((a, b) => a.generation - b.generation);
  const run = history(
    ordered.map(({ minutes, ...each }, index) => {
      atMs += minutes * 60_000;
      return { ...each, committed: each.committed || index === ordered.length - 1, atMs };
    }),
  ).map((manifest, index) => (index === given.unreadable ? { ...manifest, facts: null } : manifest));
  const { last, everySteps, holder } = given;
  const best = given.best === null ? null : { metric: 'loss', mode: given.best };
  const latest = run.at(-1) as RetainedManifest;
  const reading = new Set(run.filter((_, index) => index === given.reading).map(({ key }) => key));
  const about = facts({ latest: latest.key, generation: holder, nowMs: atMs + given.laterMinutes * 60_000, reading });
  return {
    run,
    latest,
    about,
    wishes: { last, everySteps, best },
    decisions: retained(run, { last, everySteps, best }, about),
  };
}

/** Keys from the latest back along `previous`. */
function chainOf(run: readonly RetainedManifest[], latest: string): ReadonlySet<string> {
  const chain = new Set<string>();
  for (let key: string | null = latest; key !== null && !chain.has(key);) {
    chain.add(key);
    key = run.find((manifest) => manifest.key === key)?.facts?.previous ?? null;
  }
  return chain;
}

describe('whatever a run has written and whatever the policy', () => {
  test('the latest stays, one to fall back to stays, and so does what is read or not readable', () => {
    fc.assert(
      fc.property(worlds, (given) => {
        const { run, latest, about, decisions } = worldOf(given);
        const stays = new Set(decisions.filter((decision) => decision.keep).map(({ manifest }) => manifest.key));
        expect(decisions.map(({ manifest }) => manifest)).toEqual(run);
        expect(stays).toContain(latest.key);
        if (run.length > 1) expect(stays.size).toBeGreaterThan(1);
        const previous = latest.facts?.previous ?? null;
        const chain = chainOf(run, latest.key);
        if (previous !== null) expect(stays).toContain(previous);
        for (const { key, facts: known } of run)
          if (known === null || (about.reading.has(key) && chain.has(key))) expect(stays).toContain(key);
      }),
      { numRuns: 500 },
    );
  });

  test('nothing goes within an hour of its successor, and nothing at all for a holder of an older generation', () => {
    fc.assert(
      fc.property(worlds, (given) => {
        const { run, latest, about, decisions } = worldOf(given);
        decisions.forEach(({ keep }, index) => {
          if (keep) return;
          expect(latest.generation).toBeLessThanOrEqual(about.generation);
          expect(about.nowMs - Number(run[index + 1]?.lastModifiedMs)).toBeGreaterThan(HOUR_MS);
        });
      }),
      { numRuns: 500 },
    );
  });

  test('deleting in parts, crashing between them, ends in the same and never makes an uncommitted one count', () => {
    fc.assert(
      fc.property(worlds, fc.nat(14), (given, crashAfter) => {
        const { run, about, wishes, decisions } = worldOf(given);
        const goes = decisions.filter((decision) => !decision.keep).map(({ manifest }) => manifest.key);
        const cut = new Set(goes.slice(0, crashAfter));
        const again = retained(
          run.filter(({ key }) => !cut.has(key)),
          wishes,
          about,
        );
        const left = again.filter((decision) => decision.keep).map(({ manifest }) => manifest.key);
        expect(left).toEqual(run.map(({ key }) => key).filter((key) => !goes.includes(key)));
      }),
      { numRuns: 500 },
    );
  });
});
