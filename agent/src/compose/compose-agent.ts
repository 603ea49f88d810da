import {
  fileLeaseMemory,
  LeaseKeeper,
  LeaseLook,
  leasePolicyOf,
  openOutputFolder,
  type OpenWriters,
} from '@runctl/checkpoint';
import type { RetryPolicy } from '@runctl/core';
import { Lanes, limited, type ObjectStore, retrying, type StoreError } from '@runctl/store';
import { runCheckpoints } from '../checkpoints/run-checkpoints.ts';
import type { WatchFolder } from '../checkpoints/watch-folder.ts';
import type { AgentPorts, LeaseRequest } from '../life/ports.ts';
import { BucketTraffic } from '../reporting/bucket-traffic.ts';

/** What the agent is put together out of: the machine's part of its ports, and what the rest is built from. */
export interface AgentSurroundings extends Omit<
  AgentPorts,
  'store' | 'uploadStore' | 'traffic' | 'lease' | 'leaseLook' | 'checkpoints' | 'output'
> {
  /** Scoped to the bucket's prefix; neither limited nor repeating. */
  readonly bucket: ObjectStore;
  /** How the stores repeat what failed in passing; default: the stores' own. */
  readonly storeRetry?: RetryPolicy;
  readonly openWriters: OpenWriters;
  readonly watch: WatchFolder;
  /** Of a checkpoint's grid; default: the format's. */
  readonly partSizeBytes?: number;
}

/** Parallel calls of one agent: enough to fill a network, few enough to leave the machine to the training. */
const STORE_CONCURRENCY = 32;

/** Puts the agent together: on a real machine, in tests and in the simulation alike. */
export function composeAgent(surroundings: AgentSurroundings): AgentPorts {
  const { bucket, storeRetry, openWriters, watch, partSizeBytes, ...given } = surroundings;
  const { account, clock, config, log, paths } = given;
  const lanes = new Lanes({ clock });
  const traffic = new BucketTraffic();
  const throttle = (error: StoreError): void => {
    if (error.status === 503) lanes.throttled();
  };
  const repeating = (inner: ObjectStore, onRetry: (error: StoreError) => void): ObjectStore =>
    retrying(inner, { clock, onRetry, ...(storeRetry === undefined ? {} : { policy: storeRetry }) });
  const once = limited(bucket, STORE_CONCURRENCY);
  const uploadStore = repeating(traffic.through(once), (error) => {
    traffic.failed(error);
    throttle(error);
  });
  const { run, launch } = config;
  const store = repeating(once, throttle);
  return {
    ...given,
    store,
    uploadStore,
    traffic,
    output: (request) =>
      openOutputFolder({
        ...request,
        store: uploadStore,
        run,
        clock,
        log: log.child({ component: 'output' }),
        ...(account.switchTo === null ? {} : { owner: account.switchTo }),
      }),
    lease: (request) => leaseKeeper(request, surroundings),
    leaseLook: new LeaseLook({ store, run, launch, clock, memory: fileLeaseMemory(paths.lease) }),
    checkpoints: runCheckpoints({
      store: uploadStore,
      run,
      clock,
      log,
      account,
      lanes,
      paths,
      openWriters,
      watch,
      ...(partSizeBytes === undefined ? {} : { partSizeBytes }),
    }),
  };
}

/** Asks the bucket itself: a renewal must not stand in line behind a checkpoint's parts, and the keeper repeats. */
function leaseKeeper(
  { owner, launch, spec }: LeaseRequest,
  { bucket, clock, log, paths }: AgentSurroundings,
): LeaseKeeper {
  return new LeaseKeeper({
    store: bucket,
    run: spec.run,
    clock,
    log: log.child({ component: 'lease' }),
    policy: leasePolicyOf(spec.timing),
    memory: fileLeaseMemory(paths.lease),
    claim: { owner, launch, nodes: spec.nodes },
  });
}
