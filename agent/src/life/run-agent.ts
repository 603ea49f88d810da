import { mkdir } from 'node:fs/promises';
import { isRunctlError, messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import { emptyJournal, Journal } from '../journal/journal.ts';
import { RunDocuments } from '../reporting/run-documents.ts';
import { assembleLife } from './assemble.ts';
import { failureCount, lastResort, usefulness } from './last-resort.ts';
import { learn } from './learn.ts';
import type { AgentEnd, LifeOptions } from './life.ts';
import type { AgentPorts } from './ports.ts';

/** Single-machine runs have one node. */
const NODE = 0;

/**
 * One agent from its start to its end. May be killed at any moment and called again on the same machine: every step is idempotent.
 */
export async function runAgent(ports: AgentPorts, signal: AbortSignal): Promise<AgentEnd> {
  await mkdir(ports.paths.state, { recursive: true });
  const { launch } = ports.config;
  const failures = failureCount(`${ports.paths.state}/agent-failures.${launch}.json`, ports.clock);
  const useful = usefulness(ports);
  try {
    return await liveOnce(ports, { signal: AbortSignal.any([signal, useful.tooLate]), onReady: useful.confirm });
  } catch (error) {
    // Documents that somebody changed, and a bucket that refuses, are no failure of this agent's: the next one would find the same.
    const isHopeless =
      useful.tooLate.aborted || isRunctlError(error, 'not-as-launched') || isRunctlError(error, 'boot-failed');
    if (signal.aborted || (!isHopeless && !(await failures.isTooMany()))) throw error;
    return await lastResort(ports, messageOf(useful.tooLate.aborted ? useful.tooLate.reason : error), signal);
  } finally {
    useful.confirm();
  }
}

async function liveOnce(ports: AgentPorts, options: LifeOptions): Promise<AgentEnd> {
  const { run, launch, written } = ports.config;
  const now = timestampOf(ports.clock.wallMs());
  const journal = new Journal(ports.paths.journal, emptyJournal(launch, now));
  const documents = new RunDocuments(ports.store, { run, launch, node: NODE });
  try {
    const { clock, host, log, refusedMs } = ports;
    const learned = await learn({ host, documents, written, journal, clock, log, refusedMs }, options.signal);
    await host.power.cancelPlanned();
    return await assembleLife({ ports, journal, documents, learned, node: NODE }, options).live();
  } finally {
    await journal.settled();
  }
}
