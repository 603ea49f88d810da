import type { LaunchTarget } from './capacity.ts';
import type { Offer } from './offer.ts';

/** What was found about one thing that a launch needs. */
export interface PreflightFinding {
  /** `unknown`: it could not be looked at, or not to its end. A launch is refused for a `problem` alone. */
  readonly verdict: 'ok' | 'problem' | 'unknown';
  /** Where that holds, as offers name it; null = everywhere. */
  readonly locations: readonly string[] | null;
  /** For people, a clause without a full stop. */
  readonly text: string;
  /** What to do about it; null where there is nothing to do. */
  readonly hint: string | null;
}

/** What a launch needs beside machines. */
export interface Preflight {
  /**
   * Looks whether machines of the offers could work: a machine that boots and can't speak costs until somebody ends it. A
   * read. What can't be looked at, for want of a right too, is a finding; errors: `cloud-unreachable`, `cloud-error`.
   */
  check(target: LaunchTarget, offers: readonly Offer[]): Promise<readonly PreflightFinding[]>;
}
