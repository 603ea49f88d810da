import type { Clock, Log } from '@runctl/core';
import type { ControlDocument, RunSpec, Timing } from '@runctl/protocol';
import type { StopBoard } from '../driver/stop-board.ts';
import { type ControlPoll, createControlPoll } from '../endpoint/control-poll.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { CurrentAttempt } from './attempt/current-attempt.ts';
import type { Limits } from './limits.ts';

export interface WishesParts {
  readonly documents: RunDocuments;
  readonly self: { readonly launch: number };
  readonly stops: Pick<StopBoard, 'raise'>;
  readonly spec: Pick<RunSpec, 'policy'>;
  readonly timing: Pick<Timing, 'controlPollMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface WishReceivers {
  readonly current: Pick<CurrentAttempt, 'requestPass'>;
  readonly limits: Pick<Limits, 'changeBudget'>;
}

/** Obeys what people ask of this launch in the bucket. */
export function obeyWishes(
  { clock, documents, log, self, spec: { policy }, stops, timing }: WishesParts,
  { current, limits }: WishReceivers,
): ControlPoll {
  const obey = (wish: ControlDocument): void => {
    switch (wish.action) {
      case 'stop': {
        const graceMs = wish.args.graceMs ?? policy.graceMs;
        return stops.raise({ cause: 'user-stop', haltAtMs: null, graceMs });
      }
      case 'checkpoint':
        return current.requestPass(wish.nonce);
      case 'budget':
        return limits.changeBudget(wish.args.budgetUsd);
    }
  };
  return createControlPoll({
    documents,
    clock,
    log: log.child({ component: 'control' }),
    launch: self.launch,
    everyMs: timing.controlPollMs,
    obey,
  });
}
