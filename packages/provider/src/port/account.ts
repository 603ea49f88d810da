import type { ErrorCode, Hint } from '@runctl/core';
import type { Offer, TargetWish } from './offer.ts';

/** `unknown`: it could not be found out, usually for a missing right, or a launch may do without it; it stops none. */
export type FindingState = 'ok' | 'problem' | 'unknown';

/** What was found out about one thing that a launch needs. */
export interface AccountFinding {
  /** What was looked at, in a few words: `instance profile`; of quotas beginning so: `quota of g5.xlarge, spot`. */
  readonly subject: string;
  readonly state: FindingState;
  /** A sentence without a full stop. */
  readonly text: string;
  /** What to do about it; null where nothing is to be done. */
  readonly fix: Hint | null;
  /** Of a problem: the code of the error that it is, or leads to; null otherwise. */
  readonly errorCode: ErrorCode | null;
}

export interface ExaminedAccount extends TargetWish {
  readonly bucket: string;
  /** Of runs in the bucket: ends with `/`, or is empty. */
  readonly prefix: string;
}

/** What an account must have before a launch can work. */
export interface ProviderAccount {
  /**
   * Looks at all that a launch will need: who asks, places, image, rights, quotas. Changes nothing and costs nothing. Yields
   * each finding when it is known, in a fixed order; ends early when nobody knows who asks. Never rejects: a failure to
   * look is a finding.
   */
  examine(wish: ExaminedAccount): AsyncIterable<AccountFinding>;

  /**
   * The part that decides whether a launch of these offers can work, and that `target` does not look at: no more than a
   * second's work, and no finding takes longer than a few. Never rejects.
   */
  examineLaunch(wish: TargetWish, offers: readonly Offer[]): Promise<readonly AccountFinding[]>;

  readonly setup: AccountSetup;
}

/** What an account is to have, by names that may be chosen. */
export interface PreparationWish {
  /** Null = a name that belongs to the account. */
  readonly bucket: string | null;
  /** Of runs in the bucket: ends with `/`, or is empty. */
  readonly prefix: string;
  /** Of what gives machines their rights. Null = the usual one. */
  readonly machineRole: string | null;
  /** What the configuration says for this provider alone. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * `there`: nothing is to be done, whoever made it. `missing`: will be made. `differs`: made by us, and will be put right.
 * `left-out`: can't be had here; the note says why.
 */
export type AccountItemState = 'there' | 'missing' | 'differs' | 'left-out';

/** One thing that an account needs. */
export interface AccountItem {
  /** `bucket`, `role`, … */
  readonly kind: string;
  readonly name: string;
  readonly state: AccountItemState;
  /** Made by runctl, by its tag: nothing else is ever changed or removed, but for a rule that is added to a bucket. */
  readonly ours: boolean;
  /** For people; null where there is nothing to add. */
  readonly note: string | null;
}

/** What was done about one thing. */
export interface AccountChange {
  readonly kind: string;
  readonly name: string;
  readonly change: 'made' | 'changed' | 'removed' | 'kept' | 'waited';
  readonly note: string | null;
}

export interface AccountPreparation {
  /** The account's own number. */
  readonly account: string;
  /** In the order in which they are made. */
  readonly items: readonly AccountItem[];
  /** Settings under which a launch uses them, by their keys in the configuration. */
  readonly settings: Readonly<Record<string, string | readonly string[]>>;
}

/** A launch that makes machines, or would as soon as there is room. */
export interface ActiveLaunch {
  /** By what people find it in the provider's own tools. */
  readonly name: string;
  readonly run: string | null;
}

/** Makes an account ready and takes that back. */
export interface AccountSetup {
  /** Launches of runctl at this place whose next machine would need what `remove` takes away. A read. */
  activeLaunches(): Promise<readonly ActiveLaunch[]>;
  /** What is there and what is missing. A read. Errors: those of a provider; `config-invalid` for a bucket that can't be had. */
  look(wish: PreparationWish): Promise<AccountPreparation>;
  /**
   * Makes what is missing and puts right what differs, yielding each when it is done, and waits until what was made can be
   * used. Idempotent: whoever was interrupted calls it again. Returns how the account stands afterwards.
   */
  make(wish: PreparationWish): AsyncGenerator<AccountChange, AccountPreparation>;
  /** Removes what is ours; a bucket only when it is empty. Yields what went and what stayed, and why. Idempotent. */
  remove(wish: PreparationWish): AsyncGenerator<AccountChange>;
  /** The same as text for those who make accounts ready in another way. Makes no call. */
  print(form: 'iam' | 'cloudformation', wish: PreparationWish): Promise<string>;
}
