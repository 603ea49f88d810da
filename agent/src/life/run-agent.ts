import { mkdir } from 'node:fs/promises';
import { messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import { RunDocuments } from '../reporting/run-documents.ts';
import { FitKeeper } from '../fit/fit-keeper.ts';
import { createProgressReader } from '../reporting/progress.ts';
import { emptyJournal, Journal } from '../journal/journal.ts';
import { type LifeContext, priceOf } from './attempt-context.ts';
import { runFolders, learn, type LearnedFacts } from './learn.ts';
import { failureCount, lastResort, usefulness } from './last-resort.ts';
import { type AgentEnd, Life, type LifeOptions } from './life.ts';
import { LifeState } from '../reporting/life-state.ts';
import type { AgentPorts } from './ports.ts';
import { StopBoard } from '../driver/stop-board.ts';

/** Single-machine runs have one node. */
const NODE = 0;

/**
 * One agent from its start to its end. May be killed at any moment and called again on the same machine: every step is idempotent.
 */
export async function runAgent(ports: AgentPorts, signal: AbortSignal): Promise<AgentEnd> {
  await mkdir(ports.paths.state, { recursive: true });
  const failures = failureCount(`${ports.paths.state}/agent-failures.json`, ports.clock);
  const useful = usefulness(ports);
  try {
    return await liveOnce(ports, { signal: AbortSignal.any([signal, useful.tooLate]), onReady: useful.confirm });
  } catch (error) {
    if (signal.aborted || (!useful.tooLate.aborted && !(await failures.isTooMany()))) throw error;
    return await lastResort(ports, messageOf(useful.tooLate.aborted ? useful.tooLate.reason : error), signal);
  } finally {
    useful.confirm();
  }
}

async function liveOnce(ports: AgentPorts, options: LifeOptions): Promise<AgentEnd> {
  const { run, launch } = ports.config;
  const now = timestampOf(ports.clock.wallMs());
  const journal = new Journal(ports.paths.journal, emptyJournal(launch, now));
  const documents = new RunDocuments(ports.store, { run, launch, node: NODE });
  try {
    const facts = await learn({ ports, documents, journal }, options.signal);
    await ports.host.power.cancelPlanned();
    return await new Life(contextOf({ ports, journal, documents, facts }), facts, options).live();
  } finally {
    await journal.settled();
  }
}

interface Known {
  readonly ports: AgentPorts;
  readonly journal: Journal;
  readonly documents: RunDocuments;
  readonly facts: LearnedFacts;
}

function contextOf({ ports, journal, documents, facts }: Known): LifeContext {
  const { spec, intent, identity } = facts;
  const lease = ports.lease({ owner: identity.machineId, launch: ports.config.launch, spec });
  const folders = runFolders(spec, ports.account.home);
  const progress = createProgressReader(ports.paths);
  const checkpoints = ports.checkpoints({
    folder: folders.checkpoint,
    settleMs: spec.timing.settleMs,
    node: NODE,
    nodes: spec.nodes,
    mayPublish: () => lease.mayPublish(),
    progressStep: (atMs) => progress.stepAt(atMs),
    progressMetrics: (at) => progress.metricsAt(at),
    keep: spec.checkpoint.keep,
  });
  return {
    ports,
    facts: { spec, intent, identity, pricePerHourUsd: priceOf(intent, identity) },
    documents,
    journal,
    life: new LifeState(ports.clock),
    stops: new StopBoard(ports.clock),
    lease,
    supervisor: ports.supervisor(spec.timing),
    checkpoints,
    fit: new FitKeeper(folders.checkpoint, spec),
    folders,
    progress,
    node: NODE,
  };
}
