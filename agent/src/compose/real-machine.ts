import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { endpointOf } from '@runctl/aws-wire';
import { openWritersFor } from '@runctl/checkpoint';
import { type Clock, type Log } from '@runctl/core';
import { defaultTiming } from '@runctl/protocol';
import { prefixed, S3Store } from '@runctl/store';
import { watchFolder } from '../checkpoints/watch-folder.ts';
import type { AgentSurroundings } from './compose-agent.ts';
import type { Configuration } from './configuration.ts';
import { openHost } from './open-host.ts';
import { openEndpoint } from '../endpoint/endpoint.ts';
import type { AgentPorts } from '../life/ports.ts';
import { unpackWithTar } from '../preparation/code.ts';
import { type Account, becoming, workloadAccount } from '../workload/account.ts';
import { findInterpreter } from '../workload/interpreter/interpreter.ts';
import { systemPriority } from '../workload/priority.ts';
import { linuxControlGroups } from '../workload/process/control-group.ts';
import { linuxProcessTable, psProcessTable } from '../workload/process/process-table.ts';
import { UnixSupervisor } from '../workload/process/unix-supervisor.ts';

export interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly pid: number;
  readonly uid: number;
}

export interface RealMachineOptions {
  readonly configuration: Configuration;
  readonly process: Process;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly onShutdown: AgentPorts['onShutdown'];
}

/** What this machine and this process give to the agent. */
export function realMachine(options: RealMachineOptions): AgentSurroundings {
  const { clock, configuration, log, process } = options;
  const { config, paths } = configuration;
  const { host, credentials } = openHost(config.host, {
    environment: process.env,
    region: config.region,
    instanceRoot: configuration.instanceRoot,
    clock,
  });
  const { bucket, region } = config;
  const endpoint = endpointOf('S3', process.env);
  const account = accountOf(process, configuration.instanceRoot);
  return {
    clock,
    log,
    paths,
    config,
    bucket: prefixed(new S3Store({ bucket, region, credentials, clock, endpoint }), config.prefix),
    host,
    priority: systemPriority(process),
    account,
    supervisor: supervisorOf(options, account),
    openWriters: openWritersFor(process.platform),
    watch: watchFolder,
    openEndpoint,
    unpackCode: unpackWithTar(account, process.env),
    findInterpreter: findInterpreter(becoming(account, (name) => isKnown(name))),
    inheritedEnvironment: process.env,
    // The boot guard would power the machine off then, but the next one would only start.
    uselessMs: defaultTiming.firstBootMs,
    refusedMs: defaultTiming.refusedMs,
    agentVersion: options.version,
    pid: process.pid,
    onShutdown: options.onShutdown,
  };
}

function supervisorOf(
  { clock, configuration, log, process }: RealMachineOptions,
  account: Account,
): AgentSurroundings['supervisor'] {
  return (timing) =>
    new UnixSupervisor({
      paths: configuration.paths,
      clock,
      log: log.child({ component: 'supervisor' }),
      processes: existsSync('/proc/self/stat') ? linuxProcessTable : psProcessTable,
      controlGroups: linuxControlGroups(),
      asUser: becoming(account, (name) => isKnown(name)),
      inScope: scopeOf(process, configuration),
      leftoverMs: timing.leftoversMs,
      unkillableMs: timing.unkillableMs,
      pollMs: Math.min(1000, timing.noticePollMs),
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
