import type { LeaseKeeper } from '@runctl/checkpoint';
import { type Log, messageOf } from '@runctl/core';
import type { Checkpoints } from '../../checkpoints/checkpoint-port.ts';
import type { StopBoard } from '../../driver/stop-board.ts';
import type { FitKeeper } from '../../fit/fit-keeper.ts';
import { stopHistory } from '../../fit/stop-history.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { RunDocuments } from '../../reporting/run-documents.ts';

/** Earlier lives whose stops are looked at. */
const RECALLED_LIVES = 20;

export interface RenewalParts {
  readonly lease: Pick<LeaseKeeper, 'run'>;
  readonly stops: Pick<StopBoard, 'raise'>;
  readonly life: Pick<LifeState, 'warn'>;
  readonly log: Log;
}

/** Renews the lease; a lease that is lost stops the workload. Resolves soon after the signal fired; never rejects. */
export async function renewLeaseBeside({ lease, life, log, stops }: RenewalParts, signal: AbortSignal): Promise<void> {
  const fenced = (): void => {
    life.warn('another machine holds the lease by now: stopping, nothing more is published');
    stops.raise({ cause: 'fenced', haltAtMs: null, graceMs: 0 });
  };
  await lease.run(signal, fenced).catch((error: unknown) => {
    log.error({ error: messageOf(error) }, 'the lease is not renewed any more');
    fenced();
  });
}

/** Removes what generations before this one left unfinished. Never rejects. */
export async function cleanUpBeside(
  { checkpoints, log }: { readonly checkpoints: Pick<Checkpoints, 'cleanUp'>; readonly log: Log },
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  await checkpoints.cleanUp(generation, signal).catch((error: unknown) => {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'older generations could not be cleaned up after');
  });
}

export interface RecallParts {
  readonly documents: Pick<RunDocuments, 'earlierLives'>;
  readonly fit: Pick<FitKeeper, 'recall'>;
  readonly log: Log;
}

/** Learns from earlier lives how a stop goes; without them the estimate begins anew. Never rejects. */
export async function recallStops(
  { documents, fit, log }: RecallParts,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    fit.recall(await stopHistory(documents.earlierLives(generation, RECALLED_LIVES, signal)));
  } catch (error) {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'how earlier stops went could not be read');
  }
}
