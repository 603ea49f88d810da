import { rename } from 'node:fs/promises';
import { timestampOf } from '@runctl/protocol';
import { createLogShipper, type LogShipper } from '../reporting/shipper.ts';
import { inheritanceOf } from '../preparation/history.ts';
import type { LifeContext } from './attempt-context.ts';
import { insist } from './insist.ts';

/**
 * Makes this machine's journal one of `generation`: from nothing when it is new here, unchanged when an agent restarts in
 * it. What still runs of an older generation is killed: it may not go on beside the one that begins.
 */
export async function beginGeneration(context: LifeContext, generation: number, signal: AbortSignal): Promise<void> {
  const { documents, journal, ports, supervisor } = context;
  const before = journal.state.attempt;
  if (before?.generation === generation) {
    // A survivor whose release came to nothing has its own generation again.
    if (journal.state.restUntil !== null) await journal.update({ restUntil: null });
    return;
  }
  const earlierHere = before ?? journal.state.previousLaunch;
  // Of a generation that is not ours any more: it may not go on beside the one that begins.
  let cutOffSince = earlierHere?.cutOffSince ?? null;
  if ((await supervisor.adopt()) !== null) {
    await supervisor.signal('SIGKILL');
    const { clockWasSet, code } = await supervisor.exited(signal);
    if (code !== 0) cutOffSince = clockWasSet ? timestampOf(0) : (cutOffSince ?? earlierHere?.since ?? null);
  }
  await supervisor.forget();
  const earlier = await insist(
    'the history of the run could not be read',
    () => inheritanceOf(documents.earlierAttempts(generation), ports.config.launch),
    { ports, signal: signal },
  );
  // The log of a generation goes on where an agent of its own, even of an earlier launch, has left it.
  if (earlierHere !== null && earlierHere.generation !== generation)
    await rename(ports.paths.log, `${ports.paths.log}.${earlierHere.generation}`).catch(() => {});
  const now = timestampOf(ports.clock.wallMs());
  await journal.update({
    restUntil: null,
    attempt: {
      generation,
      since: now,
      paidSince: before === null ? journal.state.machineSince : now,
      earlierCrashes: earlier.crashes,
      interruptions: earlier.interruptions,
      earlierSpentUsd: earlier.spentUsd,
      crashes: [],
      backoffUntil: null,
      resumedFrom: null,
      cutOffSince,
      workload: null,
      drain: null,
    },
  });
}

export function shipperOf(context: LifeContext, generation: number): LogShipper {
  const { documents, facts, node, ports } = context;
  return createLogShipper({
    store: ports.uploadStore,
    keys: documents.keys,
    generation,
    node,
    path: ports.paths.log,
    clock: ports.clock,
    log: ports.log.child({ component: 'logs' }),
    everyMs: facts.spec.timing.logShipMs,
  });
}
