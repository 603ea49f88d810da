import type { MeasuredInterruption } from '@runctl/protocol/events';
import type { Fit } from '@runctl/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differingFiles } from './final-files.ts';
import { isDue, planMoments } from './moments.ts';
import { noticeFit } from './notice-fit.ts';
import { seededRandom } from './random.ts';
import { judgeDrill, type DrillFacts } from './verdict.ts';

const GOOD: MeasuredInterruption = {
  kind: 'notice',
  stepAtInterruption: 100,
  durableStep: 101,
  lostSteps: 0,
  noticeToSigtermMs: 200,
  sigtermToExitMs: 500,
  flushMs: 900,
  downtimeMs: 4000,
  resumedStep: 101,
  recovered: true,
  killed: false,
  newCheckpoint: true,
  hadCheckpoint: true,
  beganAgainAt: null,
  notDurable: [],
  ranToItsEnd: false,
};
const facts = (change: Partial<MeasuredInterruption>, more: Partial<DrillFacts> = {}): DrillFacts => ({
  outcome: 'succeeded',
  outcomeMessage: '',
  asked: 1,
  interruptions: [{ ...GOOD, ...change }],
  identical: true,
  differing: [],
  timeScale: 0.1,
  ...more,
});

describe('whether a rehearsed save fits into a real notice', () => {
  test('is told of the save, and the network that the upload needs is told instead of guessed', () => {
    const fit = { sizeBytes: 22e9 } as Fit;
    const { summary } = noticeFit([GOOD, { ...GOOD, sigtermToExitMs: 10_000 }], [fit, null]);
    expect(summary).toBe(
      "save 10 s of 1m 50s usable in a real notice; the upload of 20.5 GiB fits if the machine's network brings 1.76 Gbit/s to S3, which a rehearsal can't measure",
    );
    expect(noticeFit([{ ...GOOD, sigtermToExitMs: 95_000 }], [fit]).summary).toMatch(
      /does not fit, the script is killed after 1m 30s/,
    );
    expect(noticeFit([GOOD], []).summary).toMatch(/how much there is to upload is unknown/);
    expect(noticeFit([{ ...GOOD, killed: true }], [fit])).toMatchObject({ saveMs: null, neededBytesPerSecond: null });
  });
});

describe('the verdict of a drill', () => {
  test('is not unsafe because nothing was asked to be interrupted', () => {
    expect(judgeDrill({ ...facts({}), asked: 0, interruptions: [] }).verdict).toBe('safe');
  });

  test('is safe without reasons when everything was saved and resumed', () => {
    expect(judgeDrill(facts({}))).toEqual({ verdict: 'safe', reasons: [] });
  });

  test.each<[string, DrillFacts, RegExp]>([
    [
      'work was lost that the notice should have saved',
      facts({ lostSteps: 7 }),
      /7 steps were lost .*save after SIGTERM/,
    ],
    [
      'no new complete checkpoint appeared',
      facts({ newCheckpoint: false, lostSteps: 7 }),
      /no new complete checkpoint appeared after SIGTERM: save one/,
    ],
    ['the script had to be killed', facts({ killed: true }), /was killed .*handle SIGTERM by saving and exiting/],
    [
      'the saving would not fit into a real notice',
      facts({ sigtermToExitMs: 100_000, flushMs: 20_000 }),
      /saving took 2m, .*make checkpoints smaller/,
    ],
    [
      'the script began again',
      facts({ beganAgainAt: 1, resumedStep: 1 }),
      /began again at step 1 .*RUNCTL_RESUME_FROM/,
    ],
    ['the run did not come back', facts({ recovered: false }), /did not come back/],
    ['the script trained on to its end', facts({ ranToItsEnd: true }), /trained on to its end after SIGTERM/],
    ['results differ', facts({}, { identical: false, differing: ['model.pt'] }), /differs .*model\.pt.*random states/],
    [
      'the script failed',
      facts({}, { outcome: 'failed', outcomeMessage: 'exit code 1' }),
      /did not finish \(failed: exit code 1\)/,
    ],
    ['nothing was interrupted', facts({}, { interruptions: [] }), /nothing was interrupted/],
    [
      'no other machine ever had to go on',
      facts({ downtimeMs: null, resumedStep: null }),
      /the script ended before another machine took over.*whether it resumes.*more steps/,
    ],
    ['a checkpoint could not be uploaded', facts({ notDurable: ['step 9: torn'] }), /step 9: torn/],
    [
      'steps are unknown and nothing else proves it',
      facts({ lostSteps: null }, { identical: null }),
      /reports no step: print/,
    ],
  ])('is unsafe when %s', (_name, given, reason) => {
    const { verdict, reasons } = judgeDrill(given);
    expect(verdict).toBe('unsafe');
    expect(reasons.join('\n')).toMatch(reason);
  });

  test('says so when only some of the interruptions were taken over', () => {
    const given = facts({});
    const ended = { ...GOOD, downtimeMs: null, resumedStep: null };
    expect(judgeDrill({ ...given, asked: 2, interruptions: [GOOD, ended] })).toEqual({
      verdict: 'safe',
      reasons: [expect.stringMatching(/^interruption 2 \(notice\): the script ended before another machine took over/)],
    });
  });

  test('steps lost without a notice are told, not blamed', () => {
    expect(
      judgeDrill(facts({ kind: 'no-notice', lostSteps: 30, newCheckpoint: null, noticeToSigtermMs: null })).verdict,
    ).toBe('safe');
  });

  test('is unsafe when steps are unknown although the results are equal: a script that began anew has them too', () => {
    const { verdict, reasons } = judgeDrill(facts({ lostSteps: null }));
    expect(verdict).toBe('unsafe');
    expect(reasons).toEqual([expect.stringContaining('print `step N`')]);
  });

  test('a save under way when the machine was taken at a regular checkpoint needs no second one', () => {
    expect(judgeDrill(facts({ newCheckpoint: false, lostSteps: 0 })).verdict).toBe('safe');
  });
});

describe('the moments of a drill', () => {
  test('are decided by the seed', () => {
    const plan = (seed: number) =>
      planMoments(seededRandom(seed), {
        interruptions: 3,
        noNotice: 0.5,
        reference: { finalStep: 1000, trainingMs: 1 },
      });
    expect(plan(7)).toEqual(plan(7));
    expect(plan(7)).not.toEqual(plan(8));
  });

  test('come in order, away from beginning and end', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, interruptions) => {
        const moments = planMoments(seededRandom(seed), {
          interruptions,
          noNotice: 0,
          reference: { finalStep: 1000, trainingMs: 1 },
        });
        const steps = moments.map((moment) => moment.afterStep ?? -1);
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        expect(steps.every((step) => step >= 150 && step <= 850)).toBe(true);
        expect(moments.every((moment) => moment.kind === 'notice')).toBe(true);
      }),
    );
  });

  test('wait for a step of the life itself', () => {
    const moment = { kind: 'notice', afterStep: 50, afterMs: 0 } as const;
    expect(isDue(moment, { step: 60, fromStep: 60, steppingForMs: 9 })).toBe(false);
    expect(isDue(moment, { step: 49, fromStep: 0, steppingForMs: 9 })).toBe(false);
    expect(isDue(moment, { step: null, fromStep: 40, steppingForMs: 9 })).toBe(false);
    expect(isDue(moment, { step: 61, fromStep: 60, steppingForMs: 9 })).toBe(true);
  });
});

describe('what a drill reads', () => {
  test('files differ by path, size and hash', () => {
    const a = {
      step: 1,
      files: new Map([
        ['x', '1 a'],
        ['y', '1 b'],
      ]),
    };
    const b = {
      step: 1,
      files: new Map([
        ['x', '1 a'],
        ['z', '1 b'],
      ]),
    };
    expect(differingFiles(a, a)).toEqual([]);
    expect(differingFiles(a, b)).toEqual(['y', 'z']);
    expect(differingFiles(null, b)).toEqual(['x', 'z']);
    expect(differingFiles(null, null)).toBeNull();
  });
});
