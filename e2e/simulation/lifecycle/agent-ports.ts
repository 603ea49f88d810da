import { type AgentSurroundings, composeAgent } from '@runctl/agent/compose';
import { createEc2Host } from '@runctl/agent/host/ec2';
import type { AgentPorts, Checkpoints, Host, OpenCheckpoints, Power } from '@runctl/agent/life';
import type { OpenWriters } from '@runctl/checkpoint';
import { type Log, type LogFields, silentLog } from '@runctl/core';
import { agentPaths, FORMAT_VERSION } from '@runctl/protocol';
import type { Process } from '../process.ts';
import { S3Connection } from '../s3-connection.ts';
import { simulatedImds } from './imds.ts';
import { HOME, type LifeMachine } from './life-machine.ts';
import { SimulatedSupervisor } from './supervisor.ts';

/** All that the agent in a process has of its machine and of the world. */
export function portsOf(machine: LifeMachine, process: Process): AgentPorts {
  const ports = composeAgent(surroundingsOf(machine, process));
  return {
    ...ports,
    lease: (request) => {
      const keeper = ports.lease(request);
      if (process.alive) machine.keeper = keeper;
      return keeper;
    },
    checkpoints: watched(ports.checkpoints, machine, process),
  };
}

function surroundingsOf(machine: LifeMachine, process: Process): AgentSurroundings {
  const { at } = machine;
  const root = at.disks.mount(process);
  const { run } = at.spec;
  return {
    clock: process.clock,
    log: at.trace === null ? silentLog : tracing(at.trace, process.name),
    paths: agentPaths(root, run),
    config: {
      version: FORMAT_VERSION,
      run,
      launch: 1,
      bucket: 'simulated',
      prefix: '',
      region: 'us-east-1',
      host: 'ec2',
      standstillMs: null,
      written: at.written(),
    },
    bucket: new S3Connection(at.s3, process),
    partSizeBytes: at.partSizeBytes,
    host: hostOf(machine, process),
    priority: { background: () => {}, normal: () => {} },
    account: { name: 'ubuntu', home: root + HOME, switchTo: null },
    supervisor: () => new SimulatedSupervisor(process, machine.bench),
    openWriters: writersOf(machine, process),
    watch: (_folder, { onChange, signal }) => machine.watch(process, onChange, signal),
    openEndpoint: () => Promise.resolve({ broadcast: () => {}, close: () => Promise.resolve() }),
    findInterpreter: async () => null,
    unpackCode: (_archive, folder) => {
      const path = `${folder.slice(root.length)}/train.py`;
      return process.onDisk(() => void machine.disk.open(path, { create: true, exclusive: false, truncate: true }));
    },
    inheritedEnvironment: {},
    uselessMs: at.spec.timing.bootGuardMs * 0.9,
    refusedMs: at.spec.timing.refusedMs,
    agentVersion: 'simulated',
    pid: 1,
    onShutdown: (listener) => {
      if (process.alive) machine.shutdownListeners.push(listener);
    },
  };
}

function hostOf(machine: LifeMachine, process: Process): Host {
  const { at } = machine;
  const imds = simulatedImds(
    process,
    () => machine.metadata,
    () => process.random.chance(at.trouble()),
  );
  return createEc2Host({ imds, fleetEnder: at.fleet.ender(process), power: powerOf(machine, process) });
}

function writersOf(machine: LifeMachine, process: Process): OpenWriters {
  return {
    among: (files) => {
      const written = files.filter((file) => machine.disk.isWritten(Number(file.inode.split(':')[1])));
      return process.onDisk(() => new Set(written.map((file) => file.inode)));
    },
  };
}

function powerOf(machine: LifeMachine, process: Process): Power {
  const { at } = machine;
  return {
    doing: 'powering the machine off',
    off: () =>
      process.ask(process.random.int(10, 300), () => {
        if (process.random.chance(at.trouble())) throw new Error('shutdown -h now ended with 1');
        at.invariants.poweringOff(machine);
        machine.shutDown(process.random.int(300, 3000));
        return 'off';
      }),
    cancelPlanned: () => process.ask(10, () => {}),
    isGoingDown: () => Promise.resolve(machine.goesDown),
  };
}

/** The real checkpoints, with somebody who hears of what they do. */
function watched(open: OpenCheckpoints, machine: LifeMachine, process: Process): OpenCheckpoints {
  const { invariants } = machine.at;
  return (request) => {
    const real = open(request);
    const { publisher } = real;
    const checkpoints: Checkpoints = {
      publisher: {
        ...publisher,
        pass: async (options) => {
          const report = await publisher.pass(options);
          if (process.alive) invariants.passed(process, machine, { report, final: options.ended !== undefined });
          return report;
        },
      },
      restore: async (options) => {
        invariants.restoring(process);
        const restored = await real.restore(options);
        if (process.alive) invariants.restored(process, machine, restored);
        return restored;
      },
      prefetch: (options) => real.prefetch(options),
      watch: (onChange, signal) => real.watch(onChange, signal),
      cleanUp: (generation, signal) => real.cleanUp(generation, signal),
    };
    return checkpoints;
  };
}

function tracing(trace: (line: string) => void, name: string): Log {
  const say = (fields: LogFields, message: string): void => {
    const told = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
    trace(`${name}: ${message}${told}`);
  };
  const log: Log = { debug: () => {}, info: say, warn: say, error: say, child: () => log };
  return log;
}
