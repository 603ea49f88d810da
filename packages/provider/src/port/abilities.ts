import type { Market } from '@runctl/protocol';

/** What a provider can do, with the reason in words for people: a plan prints what is missing and why. */
export interface Ability<Value> {
  readonly value: Value;
  /** A clause without a full stop: `a fleet replaces machines that are gone`. */
  readonly reason: string;
}

/** How a launch gets another machine after one was lost: the provider makes it, whoever watches makes it, or nobody does. */
export type Recovery = 'by-itself' | 'watched' | 'no';

/** What the promises of runctl rest on at one provider. Data: it is the same for every launch and costs no call. */
export interface ProviderAbilities {
  readonly recovers: Ability<Recovery>;
  /** Length of the notice before a machine is taken back; null when machines go without one. */
  readonly noticeMs: Ability<number | null>;
  /** Whether the provider ends a launch at its `validUntilMs` when nobody else does. */
  readonly expires: Ability<boolean>;
  /** Whether a machine can be stopped and started again with its disk. */
  readonly pauses: Ability<boolean>;
  readonly markets: Ability<readonly Market[]>;
  /** Whether disks that outlive a machine can be attached to it. */
  readonly volumes: Ability<boolean>;
  /** Whether the machines of one launch reach each other. */
  readonly privateNetwork: Ability<boolean>;
}
