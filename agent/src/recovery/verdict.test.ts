import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ending } from '../lifecycle/model.ts';
import { afterCrash } from './policy.ts';
import { verdictOn, type Circumstances } from './verdict.ts';

const policy = { maxCrashes: 3, crashBackoffMs: 10_000, earlyFailureMs: 60_000, maxInterruptions: null };
const circumstances: Circumstances = {
  decided: false,
  done: false,
  unsaved: null,
  reason: null,
  isKept: true,
  elsewhere: null,
  hiddenFailure: null,
  unproven: null,
  hurried: false,
  interruption: null,
  ranMs: 600_000,
  crashes: [],
  earlierCrashes: 0,
  interruptions: 0,
  policy,
};
const ending: Ending = {
  cause: 'exited',
  exit: { code: 0, signal: null },
  killed: false,
  started: true,
  message: null,
};
const left = (code: number): Ending['exit'] => ({ code, signal: null });

describe('what follows from an ending', () => {
  test('exit 0 of its own accord is success', () => {
    expect(verdictOn(ending, circumstances)).toMatchObject({
      next: 'end-launch',
      launch: 'succeeded',
      attempt: 'succeeded',
    });
  });

  test('a success that the outcome of the launch tells stays one, however the script ends', () => {
    const decided = {
      ...circumstances,
      decided: true,
      done: true,
      unsaved: 'ckpt-20.json',
      interruption: 'notice',
    } as const;
    const asked: Ending = { ...ending, exit: { code: null, signal: 'SIGTERM' } };
    for (const how of [asked, { ...asked, killed: true }, { ...asked, cause: 'notice' as const }])
      expect(verdictOn(how, decided)).toMatchObject({ next: 'end-launch', launch: 'succeeded', attempt: 'succeeded' });
    expect(verdictOn({ ...asked, cause: 'fenced' }, decided)).toMatchObject({ next: 'leave' });
  });

  test.each([
    [true, 'the workload finished; the script wrote a.pt'],
    [false, 'the workload finished; nothing was saved: the script wrote a.pt'],
  ])('exit 0 names what was written outside of what is kept (a checkpoint is kept: %s)', (isKept, message) => {
    const elsewhere = 'the script wrote a.pt';
    expect(verdictOn(ending, { ...circumstances, isKept, elsewhere })).toMatchObject({ attempt: 'succeeded', message });
  });

  test('exit 0 of a program whose last words are of a failure is a success that is doubted', () => {
    expect(verdictOn(ending, { ...circumstances, hiddenFailure: 'RuntimeError: loss is nan' })).toMatchObject({
      launch: 'succeeded',
      hiddenFailure: 'RuntimeError: loss is nan',
      message: expect.stringMatching(
        /^the workload finished; exit code 0, but .*: RuntimeError: loss is nan .*pipefail/,
      ),
    });
  });

  test('exit 0 without any durable checkpoint says that nothing was saved', () => {
    expect(verdictOn(ending, { ...circumstances, isKept: false })).toMatchObject({
      launch: 'succeeded',
      message: 'the workload finished; nothing was saved: what the script wrote is gone with the machine',
    });
  });

  test.each([
    [null, 'the workload finished; part of it; no whole checkpoint was saved'],
    [
      'the script wrote a.pt',
      'the workload finished; part of it; no whole checkpoint was saved: the script wrote a.pt',
    ],
  ])(
    'exit 0 of a script that left only a piece says that no checkpoint was saved (elsewhere: %s)',
    (elsewhere, message) => {
      const left = { ...circumstances, isKept: false, unproven: 'part of it', elsewhere };
      expect(verdictOn(ending, left)).toMatchObject({ launch: 'succeeded', message });
    },
  );

  test('exit 0 after our signal is an interruption, and success only with the done-marker', () => {
    const noticed: Ending = { ...ending, cause: 'notice' };
    expect(verdictOn(noticed, circumstances)).toMatchObject({ next: 'yield', attempt: 'interrupted' });
    expect(verdictOn(noticed, { ...circumstances, done: true })).toMatchObject({
      next: 'end-launch',
      launch: 'succeeded',
    });
  });

  test.each<[string, Partial<Ending>]>([
    ['hung and was killed', { exit: { code: null, signal: 'SIGKILL' }, killed: true }],
    ['crashed after it', { exit: left(1) }],
    ['was interrupted and killed', { cause: 'notice', exit: null, killed: true }],
    ['was stopped on request', { cause: 'user-stop', exit: left(143) }],
  ])('a script that is done has succeeded, also where it %s', (_, how) => {
    const done = { ...circumstances, done: true };
    expect(verdictOn({ ...ending, ...how }, done)).toMatchObject({ next: 'end-launch', launch: 'succeeded' });
  });

  test.each([
    [false, 'stopped on request; the workload did not leave in time and was killed'],
    [true, 'stopped on request; the workload was killed at once, as the stop asked (a second Ctrl-C, or --grace 0)'],
  ])('a workload that was killed is told apart from one that was hurried: %s', (hurried, message) => {
    const killed: Ending = { ...ending, cause: 'user-stop', exit: { code: null, signal: 'SIGKILL' }, killed: true };
    expect(verdictOn(killed, { ...circumstances, hurried })).toMatchObject({ launch: 'stopped', message });
  });

  test('a script that is done has not succeeded where another holds the lease', () => {
    const fenced: Ending = { ...ending, cause: 'fenced' };
    expect(verdictOn(fenced, { ...circumstances, done: true })).toMatchObject({ next: 'leave' });
  });

  test('a script that finished and whose last checkpoint is lost has not succeeded, can be resumed, and says so', () => {
    const lost = { ...circumstances, unsaved: 'step-12: AccessDenied' };
    const told = 'the workload finished; not durable: step-12: AccessDenied';
    expect(verdictOn(ending, lost)).toMatchObject({
      attempt: 'stopped',
      launch: 'stopped',
      cause: 'exited',
      message: told,
    });
    const killed = { ...ending, exit: { code: null, signal: 'SIGKILL' }, killed: true };
    expect(verdictOn(killed, { ...lost, done: true })).toMatchObject({ launch: 'stopped', message: told });
    // A successor does again what is lost.
    const taken = verdictOn(ending, { ...lost, interruption: 'notice' });
    expect(taken).toMatchObject({ next: 'yield', attempt: 'interrupted' });
    expect(verdictOn(ending, { ...circumstances, interruption: 'notice' })).toMatchObject({ launch: 'succeeded' });
    const noticed: Ending = { ...ending, cause: 'notice' };
    expect(verdictOn(noticed, { ...lost, done: true })).toMatchObject({ next: 'yield', attempt: 'interrupted' });
  });

  test('a non-zero exit after our signal is no crash', () => {
    expect(verdictOn({ ...ending, cause: 'notice', exit: left(143) }, circumstances).next).toBe('yield');
    expect(verdictOn({ ...ending, cause: 'user-stop', exit: left(1) }, circumstances)).toMatchObject({
      launch: 'stopped',
      cause: 'user-stop',
    });
  });

  test('a crash is started again after a pause that doubles, then the run gives up with the crash in its message', () => {
    const pauses = [0, 1, 2, 3].map((earlierCrashes) =>
      verdictOn({ ...ending, exit: left(7) }, { ...circumstances, earlierCrashes }),
    );
    expect(pauses.slice(0, 3)).toMatchObject([
      { next: 'restart', afterMs: 10_000 },
      { next: 'restart', afterMs: 20_000 },
      { next: 'restart', afterMs: 40_000 },
    ]);
    expect(pauses[3]).toMatchObject({ next: 'end-launch', launch: 'failed', cause: 'crashes' });
    expect(pauses[3]?.message).toContain('exit code 7');
  });

  test('the same failure twice soon after the start ends the launch at once', () => {
    const early = { failure: 'exit code 7', ranMs: 2000 };
    const again = verdictOn({ ...ending, exit: left(7) }, { ...circumstances, ranMs: 3000, crashes: [early] });
    expect(again).toMatchObject({ next: 'end-launch', launch: 'failed' });
    const other = verdictOn({ ...ending, exit: left(8) }, { ...circumstances, ranMs: 3000, crashes: [early] });
    expect(other.next).toBe('restart');
  });

  test('what can not pass is not tried again, and what to do is said', () => {
    const reason = { what: 'command not found: uv', advice: 'take an image that has it', isHopeless: true };
    const missing = { ...ending, exit: left(127) };
    expect(verdictOn(missing, { ...circumstances, reason, ranMs: 100 })).toMatchObject({
      next: 'end-launch',
      launch: 'failed',
      cause: 'crashes',
      message: 'exit code 127 (command not found: uv), 0.1 s after the start; take an image that has it',
    });
    expect(verdictOn(missing, { ...circumstances, reason, ranMs: 3_600_000 }).next).toBe('restart');
    expect(
      verdictOn(missing, { ...circumstances, reason: { ...reason, isHopeless: false }, ranMs: 100 }),
    ).toMatchObject({
      next: 'restart',
      message: expect.stringContaining('exit code 127 (command not found: uv)'),
    });
  });

  test('interruptions are unlimited unless a limit is given', () => {
    const noticed: Ending = { ...ending, cause: 'notice', exit: left(143) };
    expect(verdictOn(noticed, { ...circumstances, interruptions: 1000 }).next).toBe('yield');
    const limited = { ...circumstances, policy: { ...policy, maxInterruptions: 2 } };
    expect(verdictOn(noticed, { ...limited, interruptions: 1 }).next).toBe('yield');
    expect(verdictOn(noticed, { ...limited, interruptions: 2 })).toMatchObject({
      launch: 'stopped',
      cause: 'interruptions',
    });
  });

  test('a fenced workload leaves everything to the new holder', () => {
    expect(verdictOn({ ...ending, cause: 'fenced' }, circumstances).next).toBe('leave');
  });

  test('a start that fails in the same way twice is not tried a third time', () => {
    const failed: Ending = { ...ending, cause: 'spawn-failed', exit: null, started: false, message: 'no such file' };
    const first = verdictOn(failed, { ...circumstances, ranMs: 0 });
    expect(first.next).toBe('restart');
    const crash = { failure: 'could not start: no such file', ranMs: 0 };
    expect(verdictOn(failed, { ...circumstances, ranMs: 0, crashes: [crash] })).toMatchObject({
      launch: 'failed',
      cause: 'spawn-failed',
    });
  });
});

test('a run that keeps crashing is given up after at most the allowed crashes, and its pauses are bounded', () => {
  const crash = fc.record({
    failure: fc.constantFrom('exit code 1', 'SIGSEGV'),
    ranMs: fc.integer({ min: 0, max: 200_000 }),
  });
  fc.assert(
    fc.property(fc.array(crash, { minLength: 1, maxLength: 30 }), fc.nat(5), (crashes, earlierCrashes) => {
      const survived = crashes.findIndex(
        (_, index) => afterCrash({ crashes: crashes.slice(0, index + 1), earlierCrashes }, policy).kind === 'give-up',
      );
      const count = survived < 0 ? crashes.length : survived;
      expect(count + earlierCrashes).toBeLessThanOrEqual(Math.max(policy.maxCrashes, earlierCrashes));
      for (const [index] of crashes.entries()) {
        const decision = afterCrash({ crashes: crashes.slice(0, index + 1), earlierCrashes }, policy);
        if (decision.kind === 'again') expect(decision.afterMs).toBeLessThanOrEqual(policy.crashBackoffMs * 64);
      }
    }),
  );
});
