import { command, type Hint, isRunctlError, joinedHints, messageOf, newNonce, retry, RunctlError } from '@runctl/core';
import {
  encodeDocument,
  launchMachines,
  launchOutcome,
  runKeys,
  timestampOf,
  type LaunchMachines,
  type Market,
} from '@runctl/protocol';
import type { CapacityRef, Provider } from '@runctl/provider';
import { compareAndSet } from '@runctl/store';
import { readDocument, storeProblem } from '../documents.ts';
import { isHopeless } from '../follow/hopeless.ts';
import { GONE_WITHIN_MS, isActive, isLiving } from '../run/liveness.ts';
import type { LaunchPorts } from './launch-ports.ts';
import { isUncertain } from '../provider/uncertain.ts';

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
 * other request. Resolves with null when the launch ended meanwhile: then nothing of it is left. What is uncertain is asked for
 * again for a while. Errors: `run-active` when another laptop does the same; the provider's certain refusal of the new
 * machines, marked as hopeless, since nothing of the launch lives then; any other says that the replacement broke off.
 */
export async function replaceCapacity(ports: LaunchPorts, replacement: Replacement): Promise<LaunchMachines | null> {
  const held = await heldMachines(ports, replacement.before);
  try {
    return await replaceHeld(ports, replacement, held);
  } catch (error) {
    if (isRunctlError(error, 'run-active') || isHopeless(error)) throw error;
    throw brokenOff(replacement.before.run, error);
  }
}

async function replaceHeld(
  ports: LaunchPorts,
  { before, market, ask }: Replacement,
  held: string,
): Promise<LaunchMachines | null> {
  const { cloud, clock } = ports;
  const { run, launch } = before;
  const replacing = { market, nonce: newNonce() };
  const now = (): string => timestampOf(clock.wallMs());
  let etag = await set(ports, { ...before, at: now(), replacing }, held);
  await endOld(ports, before);
  if (await hasEnded(ports, before)) return null;
  etag = await set(ports, { ...before, at: now(), replacing }, etag);
  const ref = await asked(ports, ask);
  const after: LaunchMachines = {
    ...before,
    at: now(),
    ref,
    replacing: null,
    former: { ref: before.ref, at: before.at },
  };
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

/** Nobody goes on with it: whoever looks next finds what lives by run and launch. */
function brokenOff(run: string, cause: unknown): RunctlError {
  const known = storeProblem(cause);
  const error = isRunctlError(known) ? known : new RunctlError('cloud-error', messageOf(cause));
  const look: Hint = [
    command('status', run),
    ' shows what lives; where nothing does, go on with ',
    command('resume', run),
  ];
  return new RunctlError(error.code, `the machines of ${run} were being replaced: ${error.message}`, {
    hint: joinedHints(look, error.hintParts),
    cause,
    details: error.details,
  });
}

/**
 * Resolves once the provider shows nothing of it that lives. A lost answer is asked for again. Errors: `cloud-error` when that
 * takes too long, or the last uncertain one; those that are certain.
 */
async function endOld({ cloud, clock }: LaunchPorts, before: LaunchMachines): Promise<void> {
  const { provider } = cloud;
  const { run, launch, ref } = before;
  const deadlineMs = clock.monotonicMs() + GONE_WITHIN_MS;
  for (let isEnded = false; ;) {
    const isOver = clock.monotonicMs() >= deadlineMs;
    try {
      if (!isEnded) await provider.end({ run, launch, ref }, { terminate: true });
      isEnded = true;
      if (await isGone(provider, before)) return;
      if (isOver) throw stillShown(provider, before);
    } catch (error) {
      if (isOver || !isUncertain(error)) throw error;
    }
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

function stillShown(provider: Provider, { run, ref }: LaunchMachines): RunctlError {
  return new RunctlError(
    'cloud-error',
    `${provider.nameOf(ref)} was ended, but ${provider.name} still shows machines`,
    {
      hint: ['end what is left with ', command('stop', run)],
    },
  );
}

async function isGone(provider: Provider, { run, launch, ref }: LaunchMachines): Promise<boolean> {
  const [capacity, machines] = await Promise.all([provider.state(ref), provider.machines(run)]);
  return !isActive(capacity) && !machines.some((other) => other.launch === launch && isLiving(other));
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
