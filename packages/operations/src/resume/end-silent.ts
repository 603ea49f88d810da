import { isLeaseHeld } from '@runctl/checkpoint';
import { RunctlError } from '@runctl/core';
import { isSilence } from '../follow/first-boot.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { createRunReader } from '../run/run-reader.ts';
import { attemptsOf, type LaunchRecord, type RunRecord } from '../run/run-record.ts';
import { endCapacity } from '../stop/end-capacity.ts';
import { LAPTOP_OWNER, takeOver } from '../stop/take-over.ts';

interface WatchedLaunch {
  readonly run: string;
  readonly launch: number;
}

/**
 * Ends a launch whose machines never spoke. The proof that none does is the run's lease, which the laptop takes first: null,
 * and nothing was ended, when a machine holds it. Another laptop that holds it is waited for. Returns the error to show; one
 * of another kind comes back as it is. Errors: those of the provider and of the store, the signal's reason.
 */
export async function endSilent(
  ports: LaunchPorts,
  failed: WatchedLaunch & { readonly error: unknown; readonly signal: AbortSignal },
): Promise<unknown> {
  const { error } = failed;
  if (!isSilence(error)) return error;
  const record = await declareSilent(ports, { ...failed, message: error.message });
  if (record === null) return null;
  await endAll(ports, { ...failed, record, patienceMs: 0 });
  return new RunctlError(error.code, `${error.message}; the launch is ended, and nothing of it costs any more`, {
    hint: error.hintParts,
    cause: error,
  });
}

const LOOK_AGAIN_MS = 1000;

/** Writes the outcome as the holder of the lease; null when a machine holds it. */
async function declareSilent(
  ports: LaunchPorts,
  failed: WatchedLaunch & { readonly message: string; readonly signal: AbortSignal },
): Promise<RunRecord | null> {
  const { launch, message, signal } = failed;
  for (;;) {
    const record = await recordOf(ports, failed);
    const { lease } = record;
    if (isLeaseHeld(lease) && lease?.document.owner.startsWith(LAPTOP_OWNER) === false) return null;
    const ending = { launch, message, status: 'failed', cause: 'boot-failed', signal } as const;
    if ((await takeOver(ports, record, ending)) !== null) return record;
    await ports.clock.sleep(LOOK_AGAIN_MS, signal);
  }
}

/** What an agent needs to end its launch and to power off. */
const CLEARED_UP_WITHIN_MS = 30_000;

/**
 * After a launch that was over before any life of it began: an agent that may not end its machines writes the outcome all the
 * same. Waits for it, and ends what is left. Errors: as `endSilent`.
 */
export async function endFailedBoot(ports: LaunchPorts, ended: WatchedLaunch): Promise<void> {
  const record = await recordOf(ports, ended);
  if (attemptsOf(record, ended.launch).length > 0) return;
  await endAll(ports, { ...ended, record, patienceMs: CLEARED_UP_WITHIN_MS });
}

function recordOf({ cloud, clock }: LaunchPorts, { run }: WatchedLaunch): Promise<RunRecord> {
  return createRunReader({ store: cloud.store, run, clock }).read();
}

async function endAll(
  ports: LaunchPorts,
  ending: WatchedLaunch & { readonly record: RunRecord; readonly patienceMs: number },
): Promise<void> {
  const { run, launch, record, patienceMs } = ending;
  const ended: LaunchRecord | undefined = record.launches.find((other) => other.launch === launch);
  if (ended === undefined) return;
  await endCapacity(ports, { run, launch: ended, patienceMs, signal: new AbortController().signal });
}
