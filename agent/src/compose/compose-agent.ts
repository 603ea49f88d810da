import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { endpointOf } from '@runctl/aws-wire';
import { fileLeaseMemory, LeaseKeeper, leasePolicyOf, openWritersFor } from '@runctl/checkpoint';
import { type Clock, type Log } from '@runctl/core';
import { defaultTiming } from '@runctl/protocol';
import { Lanes, limited, type ObjectStore, prefixed, retrying, S3Store, type StoreError } from '@runctl/store';
import { runCheckpoints } from '../checkpoints/run-checkpoints.ts';
import { watchFolder } from '../checkpoints/watch-folder.ts';
import type { Configuration } from './configuration.ts';
import { openHost } from './open-host.ts';
import { openEndpoint } from '../endpoint/endpoint.ts';
import type { AgentPorts, LeaseRequest } from '../life/ports.ts';
import { BucketTraffic } from '../reporting/bucket-traffic.ts';
import { unpackWithTar } from '../preparation/code.ts';
import { type Account, becoming, workloadAccount } from '../workload/account.ts';
import { systemPriority } from '../workload/priority.ts';
import { linuxProcessTable, psProcessTable } from '../workload/process-table.ts';
import { UnixSupervisor } from '../workload/unix-supervisor.ts';

export interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly uid: number;
}

export interface CompositionOptions {
  readonly configuration: Configuration;
  readonly process: Process;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly onShutdown: AgentPorts['onShutdown'];
}

/** Parallel calls of one agent: enough to fill a network, few enough to leave the machine to the training. */
const STORE_CONCURRENCY = 32;

/** Puts the agent together out of the real world. */
export function composeAgent(options: CompositionOptions): AgentPorts {
  const { clock, configuration, log, process } = options;
  const { config, paths } = configuration;
  const { host, credentials } = openHost(config.host, {
    environment: process.env,
    region: config.region,
    instanceRoot: configuration.instanceRoot,
    clock,
  });
  const bucket = new S3Store({
    bucket: config.bucket,
    region: config.region,
    credentials,
    clock,
    endpoint: endpointOf('S3', process.env),
  });
  const lanes = new Lanes({ clock });
  const traffic = new BucketTraffic();
  const throttle = (error: StoreError): void => {
    if (error.status === 503) lanes.throttled();
  };
  const once = prefixed(limited(bucket, STORE_CONCURRENCY), config.prefix);
  const store = retrying(once, { clock, onRetry: throttle });
  const uploadStore = retrying(traffic.through(once), {
    clock,
    onRetry: (error) => {
      traffic.failed(error);
      throttle(error);
    },
  });
  // Neither limited nor repeating: a renewal must not stand in line behind a checkpoint's parts, and the keeper repeats.
  const leaseStore = prefixed(bucket, config.prefix);
  const account = accountOf(process, configuration.instanceRoot);
  return {
    clock,
    log,
    paths,
    config,
    store,
    uploadStore,
    traffic,
    host,
    priority: systemPriority(process),
    account,
    supervisor: (timing) =>
      new UnixSupervisor({
        paths,
        clock,
        log: log.child({ component: 'supervisor' }),
        processes: existsSync('/proc/self/stat') ? linuxProcessTable : psProcessTable,
        asUser: becoming(account, (name) => isKnown(name)),
        inScope: scopeOf(process, configuration),
        leftoverMs: timing.leftoversMs,
        pollMs: Math.min(1000, timing.noticePollMs),
      }),
    lease: (request) => leaseKeeper(request, { ...options, store: leaseStore }),
    checkpoints: runCheckpoints({
      store: uploadStore,
      run: config.run,
      clock,
      log,
      account,
      lanes,
      paths,
      openWriters: openWritersFor(process.platform),
      watch: watchFolder,
    }),
    openEndpoint,
    unpackCode: unpackWithTar(account, process.env),
    inheritedEnvironment: process.env,
    // The boot guard would power the machine off then, but the next one would only start.
    uselessMs: defaultTiming.firstBootMs,
    agentVersion: options.version,
    pid: process.pid,
    onShutdown: options.onShutdown,
  };
}

function leaseKeeper(
  { owner, launch, spec }: LeaseRequest,
  { clock, configuration, log, store }: CompositionOptions & { readonly store: ObjectStore },
): LeaseKeeper {
  return new LeaseKeeper({
    store,
    run: spec.run,
    clock,
    log: log.child({ component: 'lease' }),
    policy: leasePolicyOf(spec.timing),
    memory: fileLeaseMemory(configuration.paths.lease),
    claim: { owner, launch, nodes: spec.nodes },
  });
}

function accountOf(process: Process, instanceRoot: string): Account {
  return workloadAccount({
    uid: process.uid,
    passwd: textOf('/etc/passwd') ?? '',
    uidMap: textOf('/proc/self/uid_map'),
    instanceRoot,
    environment: { user: process.env['USER'], home: process.env['HOME'] },
  });
}

/** Under systemd the workload gets a scope of its own, which a restart of the agent's unit does not touch. */
function scopeOf(process: Process, { config, instanceRoot }: Configuration): readonly string[] {
  if (instanceRoot !== '' || process.uid !== 0 || !existsSync('/run/systemd/system')) return [];
  return ['systemd-run', '--scope', '--quiet', '--collect', `--description=runctl ${config.run}`, '--'];
}

function isKnown(user: string): boolean {
  try {
    execFileSync('id', [user], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
