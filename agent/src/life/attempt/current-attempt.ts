import type { LogShipper } from '../../reporting/shipper.ts';
import type { AttemptPasses } from './attempt-passes.ts';

/** The attempt that lives on this machine now, for those who ask something of it or report on it. */
export class CurrentAttempt {
  #passes: Pick<AttemptPasses, 'hurry' | 'request'> | null = null;
  #shipper: Pick<LogShipper, 'shippedBytes'> | null = null;

  begin(passes: Pick<AttemptPasses, 'hurry' | 'request'>, shipper: Pick<LogShipper, 'shippedBytes'>): void {
    this.#passes = passes;
    this.#shipper = shipper;
  }

  /** See `AttemptPasses.request`. Without an attempt there is nothing to save. */
  requestPass(wish?: string): void {
    this.#passes?.request(wish);
  }

  /** See `AttemptPasses.hurry`. */
  hurry(haltAtMs: number): void {
    this.#passes?.hurry(haltAtMs);
  }

  /** Uncompressed bytes of this attempt's log, or of the last one's, that are in the bucket. */
  logBytes(): number {
    return this.#shipper?.shippedBytes() ?? 0;
  }
}
