import { command, isRunctlError, newNonce, retry, RunctlError } from '@runctl/core';
import {
  encodeDocument,
  launchMachines,
  launchOutcome,
  runKeys,
  timestampOf,
  type LaunchMachines,
  type Market,
} from '@runctl/protocol';
import type { CapacityRef } from '@runctl/provider';
import { compareAndSet } from '@runctl/store';
import { readDocument } from '../documents.ts';
import { isActive, isLiving } from '../run/liveness.ts';
import type { LaunchPorts } from './launch-ports.ts';
import { isUncertain } from './uncertain.ts';

const GONE_WITHIN_MS = 120_000;
const LOOK_AGAIN_MS = 500;

interface Replacement {
  readonly before: LaunchMachines;
  readonly market: Market;
  /** Asks the provider; with the same token at each call. */
  readonly ask: () => Promise<CapacityRef>;
}

/**
 * Ends what a launch asked for and asks for machines in another market. `machines.json` says at each moment which live, so that
 * whoever comes after a laptop that dies in between finds what costs money:
 *
 *     ref: old ──► old, replacing ──(old ended, seen to be)──► replacing, dated anew ──(asked)──► ref: new
 *
 * While `replacing` stands there, the provider is asked by run and launch, and a capacity may appear for as long as after any
 * other request. Resolves with null when the launch ended meanwhile: then nothing of it is left. Errors: `run-active` when
 * another laptop does the same; those of the provider. An error that is certain is marked as hopeless, since nothing of the
 * launch lives then.
 */
export async function replaceCapacity(ports: LaunchPorts, replacement: Replacement): Promise<LaunchMachines | null> {
  const { cloud, clock } = ports;
  const { before, market, ask } = replacement;
  const { run, launch } = before;
  const replacing = { market, nonce: newNonce() };
  const now = (): string => timestampOf(clock.wallMs());
  const held = await heldMachines(ports, before);
  let etag = await set(ports, { ...before, at: now(), replacing }, held);
  await endOld(ports, before);
  if (await hasEnded(ports, before)) return null;
  etag = await set(ports, { ...before, at: now(), replacing }, etag);
  const ref = await asked(ports, ask);
  const after: LaunchMachines = { ...before, at: now(), ref, replacing: null };
  await set(ports, after, etag);
  if (!(await hasEnded(ports, before))) return after;
  await cloud.provider.end({ run, launch, ref }, { terminate: true });
  return null;
}

async function heldMachines({ cloud }: LaunchPorts, before: LaunchMachines): Promise<string> {
  const { run, launch, ref } = before;
  const held = await readDocument(cloud.store, launchMachines, runKeys(run).launch(launch).machines);
  const { provider } = cloud;
  if (held === null || held.document.replacing !== null || provider.nameOf(held.document.ref) !== provider.nameOf(ref))
    throw changedElsewhere(run);
  return held.etag;
}

async function set({ cloud }: LaunchPorts, machines: LaunchMachines, etag: string): Promise<string> {
  const { run, launch } = machines;
  const body = encodeDocument(launchMachines, machines);
  const outcome = await compareAndSet(cloud.store, {
    key: runKeys(run).launch(launch).machines,
    body,
    when: { etag },
  });
  if (!outcome.won) throw changedElsewhere(run);
  return outcome.etag;
}

function changedElsewhere(run: string): RunctlError {
  return new RunctlError('run-active', `another laptop asks for machines of ${run} just now`, {
    hint: ['watch it with ', command('attach', run)],
  });
}

/** Resolves once the provider shows nothing of it that lives. Errors: `cloud-error` when that takes too long. */
async function endOld({ cloud, clock }: LaunchPorts, { run, launch, ref }: LaunchMachines): Promise<void> {
  const { provider } = cloud;
  await provider.end({ run, launch, ref }, { terminate: true });
  const deadlineMs = clock.monotonicMs() + GONE_WITHIN_MS;
  for (;;) {
    const [capacity, machines] = await Promise.all([provider.state(ref), provider.machines(run)]);
    if (!isActive(capacity) && !machines.some((other) => other.launch === launch && isLiving(other))) return;
    if (clock.monotonicMs() >= deadlineMs)
      throw new RunctlError(
        'cloud-error',
        `${provider.nameOf(ref)} was ended, but ${provider.name} still shows machines`,
        {
          hint: ['look again with ', command('status', run), ', and end what is left with ', command('stop', run)],
        },
      );
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

async function hasEnded({ cloud }: LaunchPorts, { run, launch }: LaunchMachines): Promise<boolean> {
  return (await readDocument(cloud.store, launchOutcome, runKeys(run).launch(launch).outcome)) !== null;
}

/** The token makes repetitions one request. */
async function asked({ clock }: LaunchPorts, ask: () => Promise<CapacityRef>): Promise<CapacityRef> {
  try {
    return await retry(ask, {
      policy: { attempts: 4, baseMs: 1000, maxMs: 10_000 },
      clock,
      retryable: isUncertain,
    });
  } catch (error) {
    if (!isRunctlError(error) || isUncertain(error)) throw error;
    throw new RunctlError(error.code, error.message, {
      hint: error.hintParts,
      cause: error,
      details: { ...error.details, hopeless: true },
    });
  }
}
