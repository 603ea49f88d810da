import type { PassedOver } from '../contract/passed-over.ts';
import type { PassFindings } from './pass-findings.ts';

const OVERDUE_MS = 60_000;

/** Notices that files change and nothing becomes durable, which nobody would see otherwise. */
export class Overdue {
  #waitingSinceMs: number | null = null;

  /** What to report after a pass at this time (monotonic): what keeps the newest candidate back, once that lasts a minute. */
  note({ candidates, published, unsettled }: PassFindings, nowMs: number): readonly PassedOver[] {
    const [newest] = candidates;
    if (published !== null || !unsettled || newest === undefined || newest.complete) {
      this.#waitingSinceMs = null;
      return [];
    }
    this.#waitingSinceMs ??= nowMs;
    if (nowMs - this.#waitingSinceMs < OVERDUE_MS) return [];
    const why = `is not durable yet: files change, and for a minute nothing became durable (${newest.why})`;
    return [{ path: newest.entry, why }];
  }
}
