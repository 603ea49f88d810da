import { type HeldForErrand, leasePolicyOf, whileHoldingLease } from '@runctl/checkpoint';
import { newNonce } from '@runctl/core';
import { FORMAT_VERSION, launchOutcome, runKeys, timestampOf, type LaunchOutcome } from '@runctl/protocol';
import { createDocument, readDocument } from '../documents.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import type { RunRecord } from '../run/run-record.ts';

/** How the owner of a lease begins that a laptop took, to end a launch or to work on checkpoints. */
export const LAPTOP_OWNER = 'laptop:';

export interface LaptopErrand {
  readonly launch: number;
  readonly signal?: AbortSignal | undefined;
}

/** What a laptop writes of a launch that it ends; `stopped` by `laptop` where nothing else is said. */
interface LaptopEnding {
  readonly message: string;
  readonly status?: LaunchOutcome['status'];
  readonly cause?: LaunchOutcome['cause'];
}

/**
 * Ends a launch that has nobody alive: takes the next generation, so that no agent can publish any more, writes the
 * outcome and gives the lease back. Null when somebody holds the lease, or was quicker to it: look again.
 */
export function takeOver(
  ports: LaunchPorts,
  record: RunRecord,
  ending: LaptopErrand & LaptopEnding,
): Promise<LaunchOutcome | null> {
  return whileLaptopHolds(ports, { ...ending, spec: record.spec }, ({ generation }) =>
    writeOutcome(ports, record, { ...ending, generation }),
  );
}

/** Does `work` as the holder of a run's lease; null when a machine holds it, or somebody was quicker. */
export function whileLaptopHolds<T>(
  { cloud, clock, user }: LaunchPorts,
  { spec, launch, signal }: LaptopErrand & Pick<RunRecord, 'spec'>,
  work: (held: HeldForErrand) => Promise<T>,
): Promise<T | null> {
  const { run, nodes, timing } = spec;
  const errand = {
    store: cloud.store,
    run,
    clock,
    policy: leasePolicyOf(timing),
    owner: `${LAPTOP_OWNER}${user}`,
    nodes,
  };
  return whileHoldingLease({ ...errand, launch, ...(signal === undefined ? {} : { signal }) }, work);
}

/** The outcome that stands afterwards, which is another's when that one was there first. */
async function writeOutcome(
  ports: LaunchPorts,
  record: RunRecord,
  ending: LaptopEnding & { readonly launch: number; readonly generation: number },
): Promise<LaunchOutcome> {
  const { store } = ports.cloud;
  const key = runKeys(record.spec.run).launch(ending.launch).outcome;
  const outcome: LaunchOutcome = {
    version: FORMAT_VERSION,
    run: record.spec.run,
    launch: ending.launch,
    status: ending.status ?? 'stopped',
    cause: ending.cause ?? 'laptop',
    message: ending.message,
    exitCode: null,
    signal: null,
    step: record.attempts.at(-1)?.status?.document.step ?? null,
    durableStep: record.latest?.document.step ?? null,
    generation: ending.generation,
    at: timestampOf(ports.clock.wallMs()),
    nonce: newNonce(),
  };
  if (await createDocument(store, { key, schema: launchOutcome }, outcome)) return outcome;
  return (await readDocument(store, launchOutcome, key))?.document ?? outcome;
}
