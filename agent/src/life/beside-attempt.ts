import { messageOf } from '@runctl/core';
import { stopHistory } from '../fit/stop-history.ts';
import type { LogShipper } from '../reporting/shipper.ts';
import type { LifeContext } from './attempt-context.ts';

/** Earlier lives whose stops are looked at. */
const RECALLED_LIVES = 20;

export interface BesideAttempt {
  readonly shipper: LogShipper;
  readonly generation: number;
  readonly signal: AbortSignal;
}

type Parts = Pick<LifeContext, 'checkpoints' | 'documents' | 'fit' | 'lease' | 'life' | 'ports' | 'stops'>;

/** Renews the lease, ships the log and cleans up, for one generation. Resolves soon after the signal fired; never rejects. */
export async function runBesideAttempt(parts: Parts, { shipper, generation, signal }: BesideAttempt): Promise<void> {
  const { checkpoints, lease, life, ports, stops } = parts;
  const fenced = (): void => {
    life.warn('another machine holds the lease by now: stopping, nothing more is published');
    stops.raise({ cause: 'fenced', haltAtMs: null, graceMs: 0 });
  };
  const cleanUp = checkpoints.cleanUp(generation, signal).catch((error: unknown) => {
    if (!signal.aborted) ports.log.warn({ error: messageOf(error) }, 'older generations could not be cleaned up after');
  });
  const renewing = lease.run(signal, fenced).catch((error: unknown) => {
    ports.log.error({ error: messageOf(error) }, 'the lease is not renewed any more');
    fenced();
  });
  await Promise.all([shipper.run(signal), renewing, cleanUp, recallStops(parts, generation, signal)]);
}

/** Learns from earlier lives how a stop goes. Without them the estimate begins anew. */
async function recallStops(
  { documents, fit, ports }: Pick<Parts, 'documents' | 'fit' | 'ports'>,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    fit.recall(await stopHistory(documents.earlierLives(generation, RECALLED_LIVES, signal)));
  } catch (error) {
    if (!signal.aborted) ports.log.warn({ error: messageOf(error) }, 'how earlier stops went could not be read');
  }
}

/** Resolves once the launch has an outcome, or when the signal fires. Never rejects. */
export async function endOfLaunch(
  { documents, facts, ports }: Pick<LifeContext, 'documents' | 'facts' | 'ports'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await ports.clock.sleep(facts.spec.timing.controlPollMs, signal).catch(() => {});
    const outcome = signal.aborted ? null : await documents.launchOutcome(signal).catch(() => null);
    if (outcome !== null) return;
  }
}
