import { readFile } from 'node:fs/promises';
import { type Clock, formatDuration, newNonce } from '@runctl/core';
import { FORMAT_VERSION, type LaunchOutcome, timestampOf } from '@runctl/protocol';
import * as z from 'zod';
import { RunDocuments } from '../reporting/run-documents.ts';
import { endLaunch } from './end-launch.ts';
import type { PowerEnd } from '../host/host.ts';
import { emptyJournal, Journal, replaceFile } from '../journal/journal.ts';
import type { AgentPorts } from './ports.ts';

/** Failures of an agent that lived for less than this count together. */
const HEALTHY_MS = 300_000;
const TOO_MANY = 20;
const record = z.object({ count: z.number().int() });

/**
 * Counts the failures of one launch's agents over their restarts: an agent that fails again and again must not cost money
 * for ever. `isTooMany` counts one more, and rejects as the file system does.
 */
export function failureCount(path: string, clock: Clock): { isTooMany(): Promise<boolean> } {
  const startedMs = clock.monotonicMs();
  return {
    async isTooMany() {
      const lived = clock.monotonicMs() - startedMs >= HEALTHY_MS;
      const before = lived ? 0 : await countIn(path);
      await replaceFile(path, `${JSON.stringify({ count: before + 1 })}\n`);
      return before + 1 >= TOO_MANY;
    },
  };
}

async function countIn(path: string): Promise<number> {
  try {
    return record.parse(JSON.parse(await readFile(path, 'utf8'))).count;
  } catch {
    return 0;
  }
}

/** Fires `tooLate` when nobody calls `confirm` within the time that an agent may be useless. */
export function usefulness({ clock, uselessMs }: Pick<AgentPorts, 'clock' | 'uselessMs'>) {
  const late = new AbortController();
  const confirmed = new AbortController();
  clock.sleep(uselessMs, confirmed.signal).then(
    () => late.abort(new Error(`the agent could not begin within ${formatDuration(uselessMs)}`)),
    () => {},
  );
  return { tooLate: late.signal, confirm: () => confirmed.abort() };
}

export type LastResortParts = Pick<AgentPorts, 'config' | 'host' | 'leaseLook' | 'store' | 'paths' | 'clock' | 'log'>;

/**
 * Ends the launch with what little is known: outcome if the bucket takes it, successors, power. Where another machine has
 * the run, only this one is powered off. Rejects with the signal's reason only.
 */
export async function lastResort(parts: LastResortParts, message: string, signal: AbortSignal): Promise<PowerEnd> {
  const { clock, config, host, leaseLook, log, paths, store } = parts;
  const { run, launch } = config;
  const at = timestampOf(clock.wallMs());
  log.error({ reason: message }, 'this agent can do nothing for its launch');
  const { facts } = new Journal(paths.journal, emptyJournal(launch, at)).state;
  const outcome: LaunchOutcome = {
    version: FORMAT_VERSION,
    run,
    launch,
    status: 'failed',
    cause: 'boot-failed',
    message: `the agent gave up: ${message}`,
    exitCode: null,
    signal: null,
    step: null,
    durableStep: null,
    generation: null,
    at,
    nonce: newNonce(),
  };
  return endLaunch(outcome, {
    documents: new RunDocuments(store, { run, launch, node: 0 }),
    successors: host.successors,
    capacity: async () => (facts === null ? (await host.identity()).capacity : facts.capacity),
    lease: null,
    leaseLook,
    power: host.power,
    clock,
    log,
    doing: () => {},
    signal,
  });
}
