import { describe, expect, test } from 'vitest';
import { hasTorch, NO_TORCH } from '../support/debian-torch.ts';
import { drill, type DrillReport } from '../support/drilling.ts';

/** What a careful script must come out of every notice with. */
const UNHARMED = {
  kind: 'notice',
  stepAtInterruption: expect.any(Number),
  durableStep: expect.any(Number),
  lostSteps: 0,
  noticeToSigtermMs: expect.any(Number),
  caughtTerm: true,
  sigtermToExitMs: expect.any(Number),
  flushMs: expect.any(Number),
  newCheckpoint: expect.any(Boolean),
  downtimeMs: expect.any(Number),
  resumedStep: expect.any(Number),
};

function expectSafe(report: DrillReport, interruptions: number): void {
  expect(report).toMatchObject({
    outcome: 'succeeded',
    identicalToUninterrupted: true,
    verdict: 'safe',
    reasons: [],
    advice: [],
  });
  expect(report.interruptions).toEqual(Array.from({ length: interruptions }, () => UNHARMED));
  expectNothingTornResumed(report);
  let previous = 0;
  for (const { stepAtInterruption, durableStep } of report.interruptions) {
    expect(durableStep).toBeGreaterThanOrEqual(stepAtInterruption ?? Infinity);
    expect(stepAtInterruption).toBeGreaterThanOrEqual(previous);
    previous = durableStep ?? Infinity;
  }
}

/** A life goes on from what was durable, never from anything later. */
function expectNothingTornResumed({ interruptions }: DrillReport): void {
  for (const { resumedStep, durableStep } of interruptions)
    if (resumedStep !== null) expect(resumedStep).toBeLessThanOrEqual(durableStep ?? -1);
}

describe('a drill of the bundled examples', () => {
  test('char-lm loses no step in three interruptions and ends with the bytes of an undisturbed run', async () => {
    const { report } = await drill('examples/char-lm/train.py', {
      flags: ['--interruptions', '3', '--compare'],
      args: ['--steps', '200', '--step-delay-ms', '20', '--checkpoint-every', '10'],
      holds: [100, 140, 175],
    });
    expectSafe(report, 3);
    expect(report.finalStep).toBe(200);
  });

  test('char-lm-torch does too', async (context) => {
    if (!hasTorch()) context.skip(NO_TORCH);
    const { report } = await drill('examples/char-lm-torch/train.py', {
      flags: ['--interruptions', '1', '--compare'],
      args: ['--steps', '120', '--step-delay-ms', '30', '--checkpoint-every', '10'],
      holds: [100],
    });
    expectSafe(report, 1);
    expect(report.finalStep).toBe(120);
  });

  test('careless is unsafe, each reason says what to change, and still nothing torn is resumed from', async () => {
    const { report, finished } = await drill('examples/careless/train.py', {
      flags: ['--interruptions', '2', '--time-scale', '0.05'],
      args: ['--steps', '300', '--save-every', '20'],
      holds: [285, 295],
    });
    expect(report, finished.stdout).toMatchObject({ verdict: 'unsafe', outcome: 'succeeded', finalStep: 300 });
    expectNothingTornResumed(report);
    const reasons = report.reasons.join('\n');
    expect(reasons).toContain('did not end after SIGTERM and was killed');
    expect(report.advice).toContainEqual(expect.stringContaining('on SIGTERM only set a flag'));
    expect(reasons).toMatch(/\d+ steps? w(?:as|ere) lost that the notice should have saved/);
    expect(report.interruptions.some(({ lostSteps }) => (lostSteps ?? 0) > 0)).toBe(true);
  });
});

describe.concurrent('a drill judges', () => {
  test('steps that died without a notice as a cost, not as a fault of the script', async () => {
    const { report } = await drill('examples/char-lm/train.py', {
      flags: ['--interruptions', '1', '--no-notice', '1', '--compare'],
      args: ['--steps', '160', '--step-delay-ms', '25', '--checkpoint-every', '20'],
      holds: [130],
    });
    expect(report).toMatchObject({ verdict: 'safe', outcome: 'succeeded', identicalToUninterrupted: true });
    const [only] = report.interruptions;
    expect(only).toMatchObject({
      kind: 'no-notice',
      noticeToSigtermMs: null,
      caughtTerm: null,
      sigtermToExitMs: null,
      flushMs: null,
      downtimeMs: expect.any(Number),
    });
    expect(only?.lostSteps).toBeGreaterThan(0);
    expect(only?.lostSteps).toBeGreaterThanOrEqual((only?.stepAtInterruption ?? Infinity) - (only?.durableStep ?? 0));
    expectNothingTornResumed(report);
  });

  test('a script that reports no step as one whose losses cannot be known, and tidies up after a killed drill', async () => {
    const options = { flags: ['--compare'], args: ['80', '0.1'], holds: [65], afterOneThatWasKilled: true };
    const { report } = await drill('silent.py', options);
    expect(report).toMatchObject({ verdict: 'inconclusive', outcome: 'succeeded', finalStep: null });
    expect(report.identicalToUninterrupted).toBe(true); // which a script that began anew would reach, too
    expect(report.interruptions).toMatchObject([{ stepAtInterruption: null, lostSteps: null }]);
    expect(report.reasons).toEqual([expect.stringMatching(/how many steps were lost, is unknown/)]);
    expect(report.advice).toEqual([expect.stringContaining('print `step N`')]);
  });

  test('a script that begins anew although a checkpoint was there as unsafe', async () => {
    const { report } = await drill('never-resumes.py', { flags: [], args: ['80', '0.1'], holds: [75] });
    expect(report).toMatchObject({ verdict: 'unsafe', outcome: 'succeeded' });
    const [only] = report.interruptions;
    expect(only).toMatchObject({ kind: 'notice', lostSteps: 0 });
    expect(only?.resumedStep ?? 0).toBeLessThan(only?.durableStep ?? 0);
    // A machine that is slow to replace the first one may add that little of the script was left.
    expect(report.reasons).toContainEqual(
      expect.stringMatching(/began again, first seen at step \d+, although a checkpoint of step \d+ was there/),
    );
    expect(report.advice).toEqual([expect.stringContaining('load what $RUNCTL_RESUME_FROM names')]);
  });
});
