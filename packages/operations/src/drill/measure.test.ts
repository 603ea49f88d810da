import { timestampOf } from '@runctl/protocol';
import { describe, expect, test } from 'vitest';
import type { AttemptRecord, RunRecord } from '../run/run-record.ts';
import type { DurableSave } from './checkpoint-trail.ts';
import { intervalsAfter, measure } from './measure.ts';
import type { LifeProgress } from './observer.ts';
import { saveInterval } from './save-interval.ts';

const START = 1_000_000;
const S = 1000;

const save = (generation: number, step: number | null, afterMs: number): DurableSave => ({
  key: `${generation}-${step}-${afterMs}`,
  generation,
  step,
  savedAtMs: START + afterMs,
  recogniser: 'plain',
});

const started = (afterMs: number, resumedStep: number | null) => ({
  at: timestampOf(START + afterMs),
  resumedFrom: resumedStep === null ? null : { manifest: 'm', step: resumedStep, warnings: [] },
});

/** A life that began at 0 and got its notice at 10 s, and the one after it. */
function lives(options: {
  readonly stepAtStop: number | null;
  readonly newCheckpoint: boolean;
  readonly resumedStep: number | null;
  readonly saves: readonly DurableSave[];
  readonly progress?: Partial<LifeProgress>;
  readonly exitCode?: number | null;
}) {
  const { stepAtStop, newCheckpoint, resumedStep, saves, progress, exitCode } = options;
  const attempts = [
    {
      generation: 1,
      started: started(0, null),
      notice: { at: timestampOf(START + 10 * S), step: null },
      drain: {
        noticeToSigtermMs: 0,
        sigtermToExitMs: 1,
        sigtermToLastWriteMs: 700,
        newCheckpoint,
        stepAtStop,
        notDurable: [],
      },
      outcome: exitCode === undefined ? null : { exitCode, step: null },
    },
    {
      generation: 2,
      started: started(20 * S, resumedStep),
      notice: null,
      drain: null,
      outcome: { ranMs: 4 * S, step: null },
    },
  ] as unknown as readonly AttemptRecord[];
  const own = {
    firstStep: null,
    lastStep: null,
    totalSteps: null,
    firstEpoch: null,
    runningSinceMs: 0,
    aliveSinceMs: 0,
    ...progress,
  };
  return {
    record: { attempts, launches: [] } as unknown as RunRecord,
    progress: new Map([[1, own]]),
    saves,
  };
}

const interruption = {
  kind: 'notice',
  generation: 1,
  atMs: START + 10 * S,
  aliveForMs: 10 * S,
  step: null,
  durableStep: null,
} as const;

describe('steps that an interruption cost', () => {
  test('are those between the last printed and the durable one', () => {
    const saves = [save(1, 50, 5 * S)];
    const seen = measure(interruption, lives({ stepAtStop: 57, newCheckpoint: false, resumedStep: 50, saves }));
    expect(seen).toMatchObject({ lostSteps: 7, unsavedMs: 5 * S });
  });

  test('are not called none where the script prints as rarely as it saves', () => {
    const saves = [save(1, 25, 3 * S), save(1, 50, 6 * S)];
    const seen = measure(interruption, lives({ stepAtStop: 50, newCheckpoint: false, resumedStep: 50, saves }));
    expect(seen).toMatchObject({ lostSteps: null, unsavedMs: 4 * S });
  });

  test('are none where less than a step was under way', () => {
    const saves = [save(1, 9, 8 * S), save(1, 10, 9.4 * S)];
    const seen = measure(interruption, lives({ stepAtStop: 10, newCheckpoint: false, resumedStep: 10, saves }));
    expect(seen).toMatchObject({ lostSteps: 0, unsavedMs: null });
  });

  test('are none where only checkpoints tell steps, and one was saved after SIGTERM', () => {
    const saves = [save(1, 50, 5 * S), save(1, 101, 10.1 * S)];
    const seen = measure(interruption, lives({ stepAtStop: null, newCheckpoint: true, resumedStep: 101, saves }));
    expect(seen).toMatchObject({ lostSteps: 0, durableStep: 101 });
  });

  test('are not counted between steps and epochs', () => {
    const saves = [save(1, 1, 4 * S), save(1, 2, 8 * S)];
    const progress = { firstStep: 1, lastStep: 300 };
    const epochs = { stepAtStop: 300, resumedStep: 2, saves, progress };
    expect(measure(interruption, lives({ ...epochs, newCheckpoint: true })).lostSteps).toBe(0);
    expect(measure(interruption, lives({ ...epochs, newCheckpoint: false })).lostSteps).toBeNull();
  });
});

test('a script that left nothing to do had ended by itself', () => {
  const saves = [save(1, 40, 4 * S), save(1, 60, 9 * S)];
  const done = lives({ stepAtStop: 60, newCheckpoint: false, resumedStep: 60, saves, exitCode: 0 });
  expect(measure(interruption, done).wasDone).toBe(true);
  const killed = lives({ stepAtStop: 60, newCheckpoint: false, resumedStep: 60, saves, exitCode: null });
  expect(measure(interruption, killed).wasDone).toBe(false);
  const going = lives({
    stepAtStop: 60,
    newCheckpoint: false,
    resumedStep: 60,
    saves: [...saves, save(2, 80, 22 * S)],
    exitCode: 0,
  });
  expect(measure(interruption, going).wasDone).toBe(false);
});

test('a save lasts until its last byte, though the shell around it died at once', () => {
  const seen = measure(interruption, lives({ stepAtStop: 5, newCheckpoint: true, resumedStep: 5, saves: [] }));
  expect(seen).toMatchObject({ sigtermToExitMs: 1, savesLastedMs: 700 });
});

describe('the save interval', () => {
  test('is the shortest between regular saves of one life', () => {
    const saves = [
      save(1, 20, 2 * S),
      save(1, 40, 4 * S),
      save(1, 80, 8 * S),
      save(1, 83, 10.1 * S),
      save(2, 90, 21 * S),
    ];
    const { record } = lives({ stepAtStop: 83, newCheckpoint: true, resumedStep: 83, saves });
    expect(saveInterval(record, saves)).toEqual({ steps: 20, ms: 2 * S });
    expect(saveInterval(record, [])).toEqual({ steps: null, ms: null });
    expect(saveInterval(record, saves.slice(-1))).toEqual({ steps: null, ms: null });
  });

  test('counts from the start of a life from nothing, since saves may have been passed over', () => {
    const saves = [save(1, 20, 2 * S), save(1, 100, 9 * S)];
    const { record } = lives({ stepAtStop: 100, newCheckpoint: true, resumedStep: 100, saves });
    expect(saveInterval(record, saves)).toEqual({ steps: 20, ms: 7 * S });
  });

  test('measures how long a life trained, in steps where they are known', () => {
    const saves = [save(1, 20, 2 * S), save(1, 40, 4 * S), save(2, 50, 23 * S)];
    const seen = lives({ stepAtStop: 50, newCheckpoint: true, resumedStep: 40, saves });
    expect(measure(interruption, seen).intervalsBefore).toBe(2.5);
    expect(intervalsAfter(seen)).toBe(0.5);
  });

  test('measures in time where only saves bear steps, because those since the last are missing', () => {
    const saves = [save(1, 20, 2 * S), save(1, 40, 4 * S)];
    const seen = lives({ stepAtStop: null, newCheckpoint: true, resumedStep: 40, saves });
    expect(measure(interruption, seen).intervalsBefore).toBe(5);
  });

  test('measures in time where they are not', () => {
    const saves = [save(1, null, 2 * S), save(1, null, 4 * S)];
    const seen = lives({ stepAtStop: null, newCheckpoint: true, resumedStep: null, saves });
    expect(measure(interruption, seen).intervalsBefore).toBe(5);
    expect(intervalsAfter(seen)).toBe(2);
  });
});
