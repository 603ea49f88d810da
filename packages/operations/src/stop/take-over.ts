import { newNonce } from '@runctl/core';
import {
  FORMAT_VERSION,
  encodeDocument,
  launchOutcome,
  leaseDocument,
  runKeys,
  timestampOf,
  type LaunchOutcome,
  type LeaseDocument,
} from '@runctl/protocol';
import { compareAndSet, type ObjectStore } from '@runctl/store';
import { createDocument, readDocument } from '../documents.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import type { Observed, RunRecord } from '../run/run-record.ts';

/** Whether somebody holds the lease, by the store's clock alone. */
export function leaseIsHeld(lease: Observed<LeaseDocument> | null): boolean {
  return lease !== null && !lease.document.released && lease.ageMs <= lease.document.ttlMs;
}

/**
 * Ends a launch that has nobody alive: takes the next generation, so that no agent can publish any more, writes the
 * outcome and gives the lease back. Null when somebody else was quicker to the lease: look again.
 */
export async function takeOver(
  ports: LaunchPorts,
  record: RunRecord,
  ending: { readonly launch: number; readonly message: string },
): Promise<LaunchOutcome | null> {
  const { store } = ports.cloud;
  const held = await takeLease(ports, record, ending.launch);
  if (held === null) return null;
  const outcome = await writeOutcome(ports, record, { ...ending, generation: held.lease.generation });
  await releaseLease(store, held);
  return outcome;
}

export interface HeldLease {
  readonly key: string;
  readonly lease: LeaseDocument;
  readonly etag: string;
}

/** Takes the next generation of a run for this laptop; null when a machine holds the lease, or somebody was quicker. */
export async function takeLease(ports: LaunchPorts, record: RunRecord, launch: number): Promise<HeldLease | null> {
  const { store } = ports.cloud;
  const key = runKeys(record.spec.run).lease;
  const before = await readDocument(store, leaseDocument, key);
  if (before !== null && !before.document.released && before.ageMs <= before.document.ttlMs) return null;
  const lease: LeaseDocument = {
    version: FORMAT_VERSION,
    generation: nextGeneration(record, before?.document ?? null),
    launch,
    nodes: record.spec.nodes,
    owner: `laptop:${ports.user}`,
    nonce: newNonce(),
    renewal: 0,
    ttlMs: record.spec.timing.leaseTtlMs,
    released: false,
  };
  const taken = await compareAndSet(store, key, encodeDocument(leaseDocument, lease), {
    when: before === null ? { absent: true } : { etag: before.etag },
  });
  return taken.won ? { key, lease, etag: taken.etag } : null;
}

/** Null when somebody has taken it since. */
export async function renewLease(store: ObjectStore, held: HeldLease): Promise<HeldLease | null> {
  const lease = { ...held.lease, renewal: held.lease.renewal + 1 };
  const renewed = await compareAndSet(store, held.key, encodeDocument(leaseDocument, lease), {
    when: { etag: held.etag },
  });
  return renewed.won ? { ...held, lease, etag: renewed.etag } : null;
}

function nextGeneration(record: RunRecord, lease: LeaseDocument | null): number {
  return Math.max(0, lease?.generation ?? 0, ...record.attempts.map((attempt) => attempt.generation)) + 1;
}

/** The outcome that stands afterwards, which is another's when that one was there first. */
async function writeOutcome(
  ports: LaunchPorts,
  record: RunRecord,
  ending: { readonly launch: number; readonly message: string; readonly generation: number },
): Promise<LaunchOutcome> {
  const { store } = ports.cloud;
  const key = runKeys(record.spec.run).launch(ending.launch).outcome;
  const outcome: LaunchOutcome = {
    version: FORMAT_VERSION,
    run: record.spec.run,
    launch: ending.launch,
    status: 'stopped',
    cause: 'laptop',
    message: ending.message,
    exitCode: null,
    signal: null,
    step: record.attempts.at(-1)?.status?.document.step ?? null,
    durableStep: record.latest?.document.step ?? null,
    generation: ending.generation,
    at: timestampOf(ports.clock.wallMs()),
    nonce: newNonce(),
  };
  if (await createDocument(store, key, launchOutcome, outcome)) return outcome;
  return (await readDocument(store, launchOutcome, key))?.document ?? outcome;
}

/** Losing this race means that somebody took the lease after it had expired: nothing to do. */
export async function releaseLease(store: ObjectStore, held: HeldLease): Promise<void> {
  const released = { ...held.lease, renewal: held.lease.renewal + 1, released: true };
  await compareAndSet(store, held.key, encodeDocument(leaseDocument, released), { when: { etag: held.etag } });
}
