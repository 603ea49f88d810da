import type { ControlDocument } from '@runctl/protocol';
import { type ControlPoll, createControlPoll } from '../endpoint/control-poll.ts';
import type { LifeContext } from './attempt-context.ts';
import type { CurrentAttempt } from './current-attempt.ts';
import type { Limits } from './limits.ts';

export interface WishReceivers {
  readonly current: Pick<CurrentAttempt, 'requestPass'>;
  readonly limits: Pick<Limits, 'changeBudget'>;
}

/** Obeys what people ask of this launch in the bucket. */
export function obeyWishes(
  { documents, facts, ports, stops }: Pick<LifeContext, 'documents' | 'facts' | 'ports' | 'stops'>,
  { current, limits }: WishReceivers,
): ControlPoll {
  const usualMs = facts.spec.timing.userStopGraceMs;
  const obey = (wish: ControlDocument): void => {
    switch (wish.action) {
      case 'stop': {
        const graceMs = Math.min(usualMs, wish.args.graceMs ?? usualMs);
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
    clock: ports.clock,
    log: ports.log.child({ component: 'control' }),
    launch: ports.config.launch,
    everyMs: facts.spec.timing.controlPollMs,
    obey,
  });
}
