import type { MeasuredInterruption } from '@runctl/protocol/events';

/** A notice as a careful script comes out of it. */
export const GOOD_INTERRUPTION: MeasuredInterruption = {
  kind: 'notice',
  stepAtInterruption: 100,
  durableStep: 101,
  lostSteps: 0,
  noticeToSigtermMs: 200,
  caughtTerm: true,
  sigtermToExitMs: 500,
  flushMs: 900,
  downtimeMs: 4000,
  resumedStep: 101,
  recovered: true,
  killed: false,
  newCheckpoint: true,
  hadCheckpoint: true,
  beganAgainAt: null,
  resumeSeen: true,
  unsavedMs: null,
  savesLastedMs: 500,
  intervalsBefore: 2,
  notDurable: [],
  wasDone: false,
  ranToItsEnd: false,
};
