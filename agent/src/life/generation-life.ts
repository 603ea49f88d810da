import { type Log, messageOf } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { LifeState } from '../reporting/life-state.ts';
import type { LogShipper } from '../reporting/shipper.ts';
import type { Announcer } from './announcer.ts';
import type { AttemptLife } from './attempt/attempt-life.ts';
import type { AttemptPasses } from './attempt/attempt-passes.ts';
import type { CurrentAttempt } from './attempt/current-attempt.ts';
import type { LastVerdict } from './attempt/report-attempt.ts';

/** The attempt of one generation on this machine. */
export interface OpenedAttempt {
  readonly attempt: Pick<AttemptLife, 'live' | 'reportLate'>;
  readonly passes: AttemptPasses;
  readonly shipper: LogShipper;
  /** What goes on beside the attempt until the signal fires. Never rejects. */
  readonly company: (signal: AbortSignal) => Promise<unknown>;
}

export interface GenerationLifeParts {
  /** Makes the journal one of the generation. */
  readonly begin: (generation: number, signal: AbortSignal) => Promise<void>;
  readonly open: (generation: number) => OpenedAttempt;
  readonly current: Pick<CurrentAttempt, 'begin'>;
  readonly announcer: Pick<Announcer, 'soon'>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'survivalMs'>;
  readonly log: Log;
}

/** Lives one generation on this machine to its last verdict. Rejects with the signal's reason; the workload runs on then. */
export async function liveGeneration(
  { announcer, begin, current, life, log, open, timing }: GenerationLifeParts,
  generation: number,
  signal: AbortSignal,
): Promise<LastVerdict> {
  await begin(generation, signal);
  life.generation = generation;
  const { attempt, company, passes, shipper } = open(generation);
  const during = new AbortController();
  current.begin(passes, shipper);
  announcer.soon();
  const accompanied = company(AbortSignal.any([signal, during.signal]));
  try {
    const verdict = await attempt.live(signal);
    life.enter('ended', verdict.message);
    const late = AbortSignal.timeout(timing.survivalMs);
    await attempt.reportLate(AbortSignal.any([signal, late])).catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'how the attempt ended is not written down');
    });
    log.info({ ...verdict }, 'the attempt ended');
    return verdict;
  } finally {
    during.abort();
    await accompanied;
  }
}
