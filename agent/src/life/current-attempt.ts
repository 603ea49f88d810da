import type { LogShipper } from '../reporting/shipper.ts';
import type { AttemptLife } from './attempt-life.ts';

/** The attempt that lives on this machine now, for those who ask something of it or tell of it. */
export class CurrentAttempt {
  #attempt: Pick<AttemptLife, 'hurry' | 'requestPass'> | null = null;
  #shipper: Pick<LogShipper, 'shippedBytes'> | null = null;

  begin(attempt: AttemptLife, shipper: LogShipper): void {
    this.#attempt = attempt;
    this.#shipper = shipper;
  }

  /** See `AttemptLife`. Without an attempt there is nothing to save. */
  requestPass(wish?: string): void {
    this.#attempt?.requestPass(wish);
  }

  hurry(haltAtMs: number): void {
    this.#attempt?.hurry(haltAtMs);
  }

  /** Of the log of this attempt, or of the last one. */
  logBytes(): number {
    return this.#shipper?.shippedBytes() ?? 0;
  }
}
