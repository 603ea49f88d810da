import type { EarlierAttempt } from '../reporting/run-documents.ts';

/** The counts that an attempt takes over from earlier machines of its launch, and the money from earlier launches too. */
export interface Inheritance {
  readonly crashes: number;
  readonly interruptions: number;
  readonly spentUsd: number;
}

/**
 * Counts are cumulative in every heartbeat, so the newest attempt that wrote one tells them all. An attempt that ended as
 * interrupted or without a word (its machine vanished) is one interruption more.
 */
export async function inheritanceOf(earlier: AsyncIterable<EarlierAttempt>, launch: number): Promise<Inheritance> {
  let vanished = 0;
  for await (const { status, outcome } of earlier) {
    const ofLaunch = (status?.launch ?? outcome?.launch) === launch;
    const interrupted = ofLaunch && (outcome === null || outcome.status === 'interrupted') ? 1 : 0;
    if (status === null) {
      vanished += outcome === null ? 1 : interrupted;
      continue;
    }
    const spentUsd = status.budget.spentUsd ?? 0;
    if (!ofLaunch) return { crashes: 0, interruptions: 0, spentUsd };
    return { crashes: status.crashes, interruptions: status.interruptions + interrupted + vanished, spentUsd };
  }
  return { crashes: 0, interruptions: vanished, spentUsd: 0 };
}
