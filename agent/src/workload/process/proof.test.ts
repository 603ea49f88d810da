import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SignalEvidence, isProven } from './proof.ts';

const workload = { id: 'the-id', pid: 500, startTime: '9000', wrapper: 499 };
const target = { pid: 700, startTime: '9100' };

/** A world in which everything shows that the target is the workload's. */
const proven: SignalEvidence = {
  workload,
  now: {
    ...target,
    parent: 500,
    group: 500,
    session: 500,
    command: 'x\0',
    environment: 'A=b\0RUNCTL_WORKLOAD=the-id\0',
  },
  leaderStartTime: '9000',
  isRecorded: true,
};

/** Each takes one part of the proof away. */
type Taking = (world: SignalEvidence) => SignalEvidence;
const changed =
  (what: Partial<NonNullable<SignalEvidence['now']>>): Taking =>
  (world) => ({
    ...world,
    now: world.now === null ? null : { ...world.now, ...what },
  });
const identity: Taking[] = [
  (world) => ({ ...world, now: null }),
  changed({ startTime: '9999' }),
  changed({ pid: 701 }),
  (world) => ({ ...world, workload: { ...workload, wrapper: target.pid } }),
];
const unmarked: Taking[] = [
  '',
  'RUNCTL_WORKLOAD=another\0',
  'XRUNCTL_WORKLOAD=the-id\0',
  'RUNCTL_WORKLOAD=the-id2\0',
].map((environment) => changed({ environment }));
const elsewhere: Taking[] = [
  changed({ group: 1, session: 1 }),
  (world) => ({ ...world, leaderStartTime: '9500' }), // its number is another's by now
];
const unrecorded: Taking = (world) => ({ ...world, isRecorded: false });

test('no process is signalled that is not the one that was meant', () => {
  fc.assert(
    fc.property(fc.constantFrom(...identity), fc.subarray([...unmarked, ...elsewhere, unrecorded]), (first, more) => {
      expect(
        isProven(
          target,
          [first, ...more].reduce((world, take) => take(world), proven),
        ),
      ).toBe(false);
    }),
  );
});

test('no process is signalled that nothing shows to be of the workload', () => {
  fc.assert(
    fc.property(fc.constantFrom(...unmarked), fc.constantFrom(...elsewhere), (mark, place) => {
      expect(isProven(target, unrecorded(place(mark(proven))))).toBe(false);
    }),
  );
});

test('one sign of the workload is enough', () => {
  expect(isProven(target, proven)).toBe(true);
  fc.assert(
    fc.property(fc.constantFrom(...unmarked), fc.constantFrom(...elsewhere), (mark, place) => {
      expect(isProven(target, place(mark(proven)))).toBe(true);
      expect(isProven(target, unrecorded(mark(proven)))).toBe(true);
      expect(isProven(target, unrecorded(place(proven)))).toBe(true);
    }),
  );
});
