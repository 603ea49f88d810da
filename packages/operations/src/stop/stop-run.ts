import { isLeaseHeld } from '@runctl/checkpoint';
import type { StopEvent } from '@runctl/protocol/events';
import { RunctlError, command, newNonce } from '@runctl/core';
import type { Provider } from '@runctl/provider';
import {
  FORMAT_VERSION,
  controlDocument,
  encodeDocument,
  runKeys,
  timestampOf,
  type LaunchOutcome,
} from '@runctl/protocol';
import { noneIfOlder } from '../documents.ts';
import { changes, nothingSeen } from '../follow/run-changes.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { createRunReader } from '../run/run-reader.ts';
import { lastLaunch, type RunRecord } from '../run/run-record.ts';
import { beingLaunched, standingOf } from '../run/standing.ts';
import { endCapacity } from './end-capacity.ts';
import { stopOlderRun } from './stop-older.ts';
import { LAPTOP_OWNER, takeOver } from './take-over.ts';

export interface StopOptions {
  readonly run: string;
  /** Time that the script has; null leaves it to the run: as long as it saves. */
  readonly graceMs: number | null;
  /** Fires when nobody wants to wait any more: for the script, whatever it saves, and for the agent to end its machine. */
  readonly hurry: AbortSignal;
  readonly signal: AbortSignal;
}

const POLL_MS = 500;

/**
 * Ends the newest launch of a run. A living agent is asked, drains and reports; without one the laptop takes the next
 * generation and ends the launch itself. Returns the outcome once no machine of the launch is left. Stopping what has
 * ended is no error: what is left of it is removed. Of a run of an older format only the machines are ended, and null is
 * returned. Errors: `run-not-found`, those of the provider, StoreError.
 */
export async function* stopRun(
  ports: LaunchPorts,
  options: StopOptions,
): AsyncGenerator<StopEvent, LaunchOutcome | null> {
  const { cloud, clock } = ports;
  const { run, hurry, signal } = options;
  const reader = createRunReader({ store: cloud.store, run, clock });
  let record = await reader.read().catch(noneIfOlder);
  if (record === null) {
    yield { type: 'older-ended', ids: await stopOlderRun(ports, { run, signal }) };
    return null;
  }
  const launch = lastLaunch(record)?.launch;
  if (launch === undefined) throw await notLaunched(cloud.provider, record);
  let seen = changes(nothingSeen, record, launch).seen;
  const reported = new Set<StopEvent['type']>();
  let byLaptop = false;
  let outcome = outcomeOf(record, launch);
  while (outcome === null || isAtWork(record, launch)) {
    if (isLeaseHeld(record.lease)) {
      const owner = record.lease?.document.owner ?? '';
      // No laptop listens: its errand ends soon, or its hold runs out because it died.
      const isLaptop = owner.startsWith(LAPTOP_OWNER);
      const type = isLaptop ? 'other-laptop' : 'asked';
      if (!reported.has(type)) {
        if (!isLaptop) await ask(ports, options, launch);
        reported.add(type);
        yield { type, owner };
      }
      if (!isLaptop && hurry.aborted && !reported.has('hurried')) {
        await ask(ports, { ...options, graceMs: 0 }, launch);
        reported.add('hurried');
        yield { type: 'hurried' };
      }
      await clock.sleep(POLL_MS, signal);
    } else {
      yield { type: 'nobody-alive', why: whyNobody(record) };
      outcome = await takeOver(ports, record, { launch, message: 'stopped while no machine was alive', signal });
      byLaptop = outcome !== null;
    }
    record = await reader.read();
    const changed = changes(seen, record, launch);
    seen = changed.seen;
    yield* changed.events.filter((event) => event.type !== 'silent');
    outcome ??= outcomeOf(record, launch);
  }
  const ended = record.launches.find((other) => other.launch === launch) ?? {
    launch,
    intent: null,
    machines: null,
    outcome,
  };
  const patienceMs = byLaptop ? 0 : 30_000;
  yield { type: 'capacity-ended', ...(await endCapacity(ports, { run, launch: ended, patienceMs, hurry, signal })) };
  return outcome;
}

/** An agent that has written the outcome may still wait for its script to leave, or send the last of its output. */
function isAtWork({ lease }: RunRecord, launch: number): boolean {
  return isLeaseHeld(lease) && lease?.document.launch === launch && !lease.document.owner.startsWith(LAPTOP_OWNER);
}

/** No machine was asked for: unless that is about to happen, there is nothing that could be stopped. */
async function notLaunched(provider: Provider, record: RunRecord): Promise<RunctlError> {
  const { run } = record.spec;
  const machines = await provider.machines(run);
  if (standingOf({ record, capacity: null, machines }) === 'appearing') return beingLaunched(run);
  return new RunctlError('not-resumable', `${run} was never launched`, {
    hint: ['there is nothing to stop; ', command('resume', run), ' launches it'],
  });
}

function outcomeOf(record: RunRecord, launch: number): LaunchOutcome | null {
  return record.launches.find((other) => other.launch === launch)?.outcome ?? null;
}

async function ask(ports: LaunchPorts, options: StopOptions, launch: number): Promise<void> {
  const nowMs = ports.clock.wallMs();
  const nonce = newNonce();
  const document = encodeDocument(controlDocument, {
    version: FORMAT_VERSION,
    action: 'stop',
    args: { graceMs: options.graceMs, budgetUsd: null },
    launch,
    at: timestampOf(nowMs),
    by: ports.user,
    nonce,
  });
  await ports.cloud.store.put(runKeys(options.run).control(nowMs, nonce), document);
}

function whyNobody(record: RunRecord): string {
  const { lease } = record;
  if (record.damagedLease !== null) return record.damagedLease;
  if (lease === null) return record.attempts.length === 0 ? 'no machine has taken up the run yet' : 'the lease is gone';
  if (lease.document.released) return 'the last machine gave the run back, and no other has taken it up';
  return `the last sign of life of ${lease.document.owner} is too old`;
}
