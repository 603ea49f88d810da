import type { MeasuredInterruption } from '@runctl/protocol/events';
import { describe, expect, test } from 'vitest';
import { recipeFor } from './recipes.ts';
import type { DrillFacts } from './drill-facts.ts';
import { judgeDrill } from './verdict.ts';
import { GOOD_INTERRUPTION as GOOD } from './testing/interruptions.ts';

const facts = (change: Partial<MeasuredInterruption>, more: Partial<DrillFacts> = {}): DrillFacts => ({
  outcome: 'succeeded',
  outcomeMessage: '',
  isDoubtful: false,
  lastWords: null,
  asked: 1,
  interruptions: [{ ...GOOD, ...change }],
  intervalsAfter: 3,
  leftCheckpoint: true,
  identical: true,
  differing: [],
  timeScale: 0.1,
  recipe: recipeFor({ script: 'train.py', recognisers: [], sources: [], output: [] }),
  elsewhere: null,
  ...more,
});
const DIED = { outcome: 'failed', outcomeMessage: 'exit code 1', lastWords: "KeyError: 'best'" };

describe('the verdict of a drill', () => {
  test('is not unsafe because nothing was asked to be interrupted', () => {
    expect(judgeDrill({ ...facts({}), asked: 0, interruptions: [] }).verdict).toBe('safe');
  });

  test('is safe without reasons when everything was saved and resumed', () => {
    expect(judgeDrill(facts({}))).toEqual({ verdict: 'safe', reasons: [], advice: [] });
  });

  test.each<[string, Partial<MeasuredInterruption>]>([
    ['nothing caught SIGTERM right after the save of the step that it reported', { caughtTerm: false }],
    ['it reports no steps, and caught SIGTERM with nothing left to save', { stepAtInterruption: null }],
    ['it reports no steps, and whether it caught SIGTERM is unknown', { stepAtInterruption: null, caughtTerm: null }],
  ])('is safe without a new checkpoint where no step was lost: %s', (_what, change) => {
    expect(judgeDrill(facts({ newCheckpoint: false, ...change })).verdict).toBe('safe');
  });

  test('is inconclusive where the last words of a script that left with 0 are of a failure', () => {
    const message = 'the workload finished, in other words: RuntimeError: loss is nan (…)';
    expect(judgeDrill(facts({}, { outcomeMessage: message })).verdict).toBe('safe');
    expect(judgeDrill(facts({}, { outcomeMessage: message, isDoubtful: true }))).toMatchObject({
      verdict: 'inconclusive',
      reasons: [expect.stringMatching(/^whether the script finished is doubtful \(.*RuntimeError: loss is nan/)],
      advice: [expect.stringContaining('pipefail')],
    });
  });

  test.each<[string, DrillFacts, RegExp]>([
    [
      'work was lost that the notice should have saved',
      facts({ lostSteps: 7 }),
      /7 steps were lost .*only set a flag/s,
    ],
    [
      'no new complete checkpoint appeared',
      facts({ newCheckpoint: false, lostSteps: 7 }),
      /no new complete checkpoint appeared after SIGTERM: 7 steps were lost/,
    ],
    [
      'nothing caught SIGTERM',
      facts({ caughtTerm: false, newCheckpoint: false, lostSteps: 7 }),
      /nothing caught SIGTERM, and no new complete checkpoint appeared after SIGTERM: 7 steps were lost/,
    ],
    [
      'nothing caught SIGTERM, and only saves tell of steps',
      facts({ caughtTerm: false, newCheckpoint: false, lostSteps: 0, stepAtInterruption: null }),
      /nothing caught SIGTERM, and no new complete checkpoint appeared after SIGTERM/,
    ],
    ['a single step was lost', facts({ lostSteps: 1 }), /1 step was lost that the notice should have saved/],
    [
      'work was lost that no printed step tells',
      facts({ newCheckpoint: false, lostSteps: null, unsavedMs: 1500 }),
      /no new complete checkpoint appeared after SIGTERM, 1\.5 s after the last save/,
    ],
    ['the script had to be killed', facts({ killed: true }), /was killed .*only set a flag/s],
    [
      'the saving would not fit into a real notice',
      facts({ savesLastedMs: 100_000, flushMs: 20_000 }),
      /saving took 2m, .*make checkpoints smaller/s,
    ],
    [
      'the script began again',
      facts({ beganAgainAt: 1, resumedStep: 1, resumeSeen: false }),
      /began again, first seen at step 1, .*RUNCTL_RESUME_FROM/s,
    ],
    ['the run did not come back', facts({ recovered: false }), /did not come back/],
    ['the script trained on to its end', facts({ ranToItsEnd: true }), /trained on to its end after SIGTERM/],
    ['results differ', facts({}, { identical: false, differing: ['model.pt'] }), /differs .*model\.pt.*random states/s],
    [
      'the script failed after it was interrupted',
      facts({}, DIED),
      /did not finish after it was interrupted \(failed: exit code 1; its last words: KeyError: 'best'\)/,
    ],
    [
      'nothing was saved at all, whether or not it was interrupted',
      facts({}, { interruptions: [], leftCheckpoint: false }),
      /saved nothing to the checkpoint folder.*save regularly below/s,
    ],
    ['a checkpoint could not be uploaded', facts({ notDurable: ['step 9: torn'] }), /step 9: torn/],
  ])('is unsafe when %s', (_name, given, text) => {
    const { verdict, reasons, advice } = judgeDrill(given);
    expect(verdict).toBe('unsafe');
    expect([...reasons, ...advice].join('\n')).toMatch(text);
  });

  test.each<[string, DrillFacts, RegExp]>([
    ['nothing was interrupted', facts({}, { interruptions: [] }), /^none of 1 interruptions took place/],
    ['fewer were interrupted than asked', facts({}, { asked: 2 }), /^only 1 of 2 interruptions took place/],
    [
      'no other machine ever had to go on',
      facts({ downtimeMs: null, resumedStep: null, resumeSeen: false }),
      /the script ended before another machine took over/,
    ],
    [
      'the script had all done and durable when the notice came',
      facts({
        downtimeMs: null,
        resumedStep: null,
        resumeSeen: false,
        newCheckpoint: false,
        lostSteps: null,
        unsavedMs: 6e3,
      }),
      /the script ended before another machine took over/,
    ],
    ['an interruption came too early', facts({ intervalsBefore: 0.3 }), /before .* one save interval/],
    ['the script ended right after', facts({}, { intervalsAfter: 0.3 }), /less than one save interval after/],
    [
      'a script had ended by itself before SIGTERM',
      facts({ wasDone: true, newCheckpoint: false, lostSteps: null, resumeSeen: false }),
      /^interruption 1 \(notice\): the script had ended by itself when SIGTERM came$/,
    ],
    ['the resumption was not seen', facts({ resumeSeen: false }), /whether the script resumed/],
    ['lost steps are unknown', facts({ lostSteps: null }, { identical: null }), /how many steps were lost/],
    [
      'a machine died before anything was durable',
      facts({ kind: 'no-notice', hadCheckpoint: false, resumeSeen: false, newCheckpoint: null }),
      /nothing was durable yet/,
    ],
  ])('is inconclusive when %s', (_name, given, reason) => {
    const { verdict, reasons } = judgeDrill(given);
    expect(verdict).toBe('inconclusive');
    expect(reasons.join('\n')).toMatch(reason);
  });

  test('says once that a script failed after an interruption', () => {
    expect(judgeDrill(facts({ resumeSeen: false }, { ...DIED, intervalsAfter: 0 })).reasons).toHaveLength(1);
  });

  test('says what a script died of that never got as far as an interruption, and asks for no more steps', () => {
    const { verdict, reasons, advice } = judgeDrill(facts({}, { ...DIED, interruptions: [] }));
    expect(verdict).toBe('inconclusive');
    expect(reasons[0]).toBe("the script did not finish (failed: exit code 1; its last words: KeyError: 'best')");
    expect(advice).toEqual(['make it run to its end before rehearsing interruptions']);
  });

  test('steps lost without a notice are told where they are known, not blamed', () => {
    for (const lostSteps of [30, null]) {
      const killed = { kind: 'no-notice', lostSteps, newCheckpoint: null, noticeToSigtermMs: null } as const;
      expect(judgeDrill(facts(killed)).verdict).toBe('safe');
    }
  });

  test('does not count equal results as proof: a script that began anew has them too', () => {
    const { verdict, advice } = judgeDrill(facts({ lostSteps: null, resumeSeen: false }));
    expect(verdict).toBe('inconclusive');
    expect(advice).toEqual([expect.stringContaining('print `step N`')]);
  });

  test('a save under way when the machine was taken at a regular checkpoint needs no second one', () => {
    expect(judgeDrill(facts({ newCheckpoint: false, lostSteps: 0 })).verdict).toBe('safe');
  });

  test('gives each advice once, and tells of files elsewhere only where that may be why', () => {
    const careless = { ...GOOD, killed: true, newCheckpoint: false, lostSteps: 9 };
    const elsewhere = 'wrote out/model.pt';
    const { advice } = judgeDrill({ ...facts({}), asked: 2, interruptions: [careless, careless], elsewhere });
    expect(advice).toEqual([expect.stringContaining('only set a flag'), elsewhere]);
    expect(judgeDrill(facts({}, { elsewhere })).advice).toEqual([]);
    expect(judgeDrill(facts({}, { elsewhere, leftCheckpoint: false })).advice).toContain(elsewhere);
  });
});
