import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  absentLease,
  type HeldLease,
  type LeaseEvent,
  leasePolicy,
  type LeaseState,
  mayPublish,
  stepLease,
} from './lease-machine.ts';

const policy = leasePolicy;
const lease: HeldLease = { generation: 3, nonce: 'n', written: null };

function after(events: readonly (readonly [nowMs: number, event: LeaseEvent])[], from: LeaseState = absentLease) {
  return events.reduce(
    ({ state }, [nowMs, event]) => stepLease(state, event, nowMs, policy),
    stepLease(from, { type: 'tick' }, 0, policy),
  );
}

const held = (sentAtMs: number) =>
  after([
    [0, { type: 'want' }],
    [sentAtMs, { type: 'acquired', lease, sentAtMs }],
  ]);

describe('the lease machine', () => {
  test('tries at once, and again a pause after each refusal', () => {
    const wanted = after([[0, { type: 'want' }]]);
    expect(wanted.effects).toEqual([{ type: 'try' }]);
    const refused = stepLease(wanted.state, { type: 'refused', holder: { owner: 'i-1', generation: 2 } }, 10, policy);
    expect(refused.effects).toEqual([{ type: 'wake', atMs: 10 + policy.retryMs }]);
    const early = stepLease(refused.state, { type: 'tick' }, 10 + policy.retryMs - 0.4, policy);
    expect(early.effects).toEqual([{ type: 'wake', atMs: 10 + policy.retryMs }]);
    expect(stepLease(early.state, { type: 'tick' }, 10 + policy.retryMs, policy).effects).toEqual([{ type: 'try' }]);
  });

  test('renews fifteen seconds after the last renewal was sent', () => {
    const { state, effects } = held(1000);
    expect(effects).toEqual([{ type: 'wake', atMs: 16_000 }]);
    expect(stepLease(state, { type: 'tick' }, 16_000, policy).effects).toEqual([{ type: 'renew', lease }]);
  });

  test('counts from the sending of a renewal, not from its answer', () => {
    const { state } = held(0);
    const renewed = stepLease(state, { type: 'renewed', lease, sentAtMs: 20_000 }, 40_000, policy).state;
    expect(mayPublish(renewed, 64_999, policy)).toBe(3);
    expect(mayPublish(renewed, 65_000, policy)).toBeNull();
  });

  test('is in doubt at once when even a good answer came too late, and asks again', () => {
    const { state, effects } = stepLease(held(0).state, { type: 'renewed', lease, sentAtMs: 5000 }, 60_000, policy);
    expect(state.phase).toBe('doubtful');
    expect(effects).toEqual([{ type: 'renew', lease }]);
  });

  test('stops publishing when its renewals stay unanswered, and publishes again after one that comes through', () => {
    const unanswered = after(
      [
        [15_000, { type: 'tick' }],
        [25_000, { type: 'unanswered' }],
        [27_000, { type: 'tick' }],
        [37_000, { type: 'unanswered' }],
        [45_000, { type: 'tick' }],
      ],
      held(0).state,
    );
    expect(unanswered.state.phase).toBe('doubtful');
    expect(unanswered.effects).toEqual([{ type: 'renew', lease }]);
    const renewed = stepLease(unanswered.state, { type: 'renewed', lease, sentAtMs: 50_000 }, 51_000, policy);
    expect(renewed.state.phase).toBe('held');
    expect(mayPublish(renewed.state, 51_000, policy)).toBe(3);
  });

  test('wakes for the beginning of doubt, not only for the next try', () => {
    const { effects } = after(
      [
        [15_000, { type: 'tick' }],
        [44_000, { type: 'unanswered' }],
      ],
      held(0).state,
    );
    expect(effects).toEqual([{ type: 'wake', atMs: 45_000 }]);
  });

  test('has the training killed when another generation is seen, in doubt too, and stays lost', () => {
    const by = { owner: 'i-2', generation: 4 };
    for (const atMs of [1000, 50_000]) {
      const lost = after(
        [
          [atMs, { type: 'tick' }],
          [atMs, { type: 'fenced', by }],
        ],
        held(0).state,
      );
      expect(lost.effects).toEqual([{ type: 'fence', by }]);
      const late = stepLease(lost.state, { type: 'renewed', lease, sentAtMs: atMs }, atMs, policy);
      expect(late).toEqual({ state: { phase: 'lost', generation: 3, by }, effects: [] });
    }
  });

  test('goes on in doubt after a restart, and renews before it publishes', () => {
    const resumed = after([[0, { type: 'resume', lease }]]);
    expect(mayPublish(resumed.state, 0, policy)).toBeNull();
    expect(stepLease(resumed.state, { type: 'tick' }, 0, policy).effects).toEqual([{ type: 'renew', lease }]);
  });

  test('publishes nothing from the moment it is to be released', () => {
    const { state, effects } = stepLease(held(0).state, { type: 'release' }, 10, policy);
    expect(mayPublish(state, 10, policy)).toBeNull();
    expect(effects).toEqual([{ type: 'release', lease }]);
    const again = after(
      [
        [20, { type: 'unanswered' }],
        [2020, { type: 'tick' }],
      ],
      state,
    );
    expect(again.effects).toEqual([{ type: 'release', lease }]);
    const settled = after(
      [
        [20, { type: 'release-settled' }],
        [2020, { type: 'tick' }],
      ],
      state,
    );
    expect(settled.effects).toEqual([]);
  });

  test('gives back what a try brought after nobody wanted it any more', () => {
    const late = after([
      [0, { type: 'want' }],
      [1, { type: 'release' }],
      [2, { type: 'acquired', lease, sentAtMs: 0 }],
    ]);
    expect(late.effects).toEqual([{ type: 'release', lease }]);
  });

  test('never has two requests of its own under way, and always wakes again while it holds or waits', () => {
    const happening = fc.constantFrom('answer', 'no-answer', 'refusal', 'tick');
    fc.assert(
      fc.property(fc.array(fc.tuple(happening, fc.nat(40_000)), { maxLength: 60 }), (story) => {
        let nowMs = 0;
        let step = stepLease(absentLease, { type: 'want' }, 0, policy);
        let asked = step.effects.filter((effect) => effect.type !== 'wake').length;
        for (const [what, laterMs] of story) {
          const sentAtMs = nowMs;
          nowMs += laterMs;
          const waiting = step.state.phase === 'waiting';
          const event: LeaseEvent =
            what === 'tick' || asked === 0
              ? { type: 'tick' }
              : what === 'no-answer'
                ? { type: 'unanswered' }
                : waiting && what === 'refusal'
                  ? { type: 'refused', holder: { owner: 'x', generation: 1 } }
                  : { type: waiting ? 'acquired' : 'renewed', lease, sentAtMs };
          step = stepLease(step.state, event, nowMs, policy);
          if (event.type !== 'tick') asked--;
          asked += step.effects.filter((effect) => effect.type === 'try' || effect.type === 'renew').length;
          expect(asked).toBeLessThanOrEqual(1);
          if (asked === 0) expect(step.effects.some((effect) => effect.type === 'wake')).toBe(true);
        }
      }),
    );
  });
});
