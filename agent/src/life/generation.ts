import { rename } from 'node:fs/promises';
import type { Clock, Log } from '@runctl/core';
import { type Timing, timestampOf } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { Journal } from '../journal/journal.ts';
import { createLogShipper, type LogShipper } from '../reporting/shipper.ts';
import { inheritanceOf } from '../preparation/history.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { Supervisor } from '../workload/supervisor/supervisor.ts';
import { warnOfUnkillable } from './attempt/workload-notes.ts';
import { insist } from './insist.ts';

export interface BeginGenerationParts {
  readonly documents: Pick<RunDocuments, 'earlierAttempts'>;
  readonly journal: Journal;
  readonly supervisor: Supervisor;
  readonly life: Pick<LifeState, 'warn'>;
  readonly paths: { readonly log: string };
  readonly self: { readonly launch: number };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Makes this machine's journal one of `generation`: from nothing when it is new here, unchanged when an agent restarts in
 * it. What still runs of an older generation is killed: it may not go on beside the one that begins.
 */
export async function beginGeneration(
  parts: BeginGenerationParts,
  generation: number,
  signal: AbortSignal,
): Promise<void> {
  const { clock, documents, journal, life, log, paths, self, supervisor } = parts;
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
    const { clockWasSet, code, unkillable } = await supervisor.exited(signal);
    warnOfUnkillable(life, unkillable);
    if (code !== 0) cutOffSince = clockWasSet ? timestampOf(0) : (cutOffSince ?? earlierHere?.since ?? null);
  }
  await supervisor.forget();
  const earlier = await insist(
    'the history of the run could not be read',
    () => inheritanceOf(documents.earlierAttempts(generation), self.launch),
    { clock, log, signal },
  );
  // The log of a generation goes on where an agent of its own, even of an earlier launch, has left it.
  if (earlierHere !== null && earlierHere.generation !== generation)
    await rename(paths.log, `${paths.log}.${earlierHere.generation}`).catch(() => {});
  const now = timestampOf(clock.wallMs());
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
      logOffset: 0,
      interpreter: null,
      drain: null,
    },
  });
}

export interface ShipperParts {
  readonly uploadStore: ObjectStore;
  readonly documents: Pick<RunDocuments, 'keys'>;
  readonly self: { readonly node: number };
  readonly paths: { readonly log: string };
  readonly timing: Pick<Timing, 'logShipMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes the shipper of one generation's log. */
export function shipperOf(parts: ShipperParts, generation: number): LogShipper {
  const { clock, documents, log, paths, self, timing, uploadStore } = parts;
  return createLogShipper({
    store: uploadStore,
    keys: documents.keys,
    generation,
    node: self.node,
    path: paths.log,
    clock,
    log: log.child({ component: 'logs' }),
    everyMs: timing.logShipMs,
  });
}
