import { runCheckpoints } from '@runctl/agent/checkpoints';
import { createEc2Host } from '@runctl/agent/host/ec2';
import { type AgentPorts, BucketTraffic, type Checkpoints, type OpenCheckpoints, type Power } from '@runctl/agent/life';
import { fileLeaseMemory, LeaseKeeper, leasePolicyOf } from '@runctl/checkpoint';
import { type Log, type LogFields, silentLog } from '@runctl/core';
import { agentPaths, FORMAT_VERSION } from '@runctl/protocol';
import { Lanes, limited, retrying, type StoreError } from '@runctl/store';
import type { Process } from '../process.ts';
import { S3Connection } from '../s3-connection.ts';
import { simulatedImds } from './imds.ts';
import { HOME, type LifeMachine } from './life-machine.ts';
import { SimulatedSupervisor } from './supervisor.ts';

/** As composition.ts has it. */
const STORE_CONCURRENCY = 32;

/** All that the agent in a process has of its machine and of the world. */
export function portsOf(machine: LifeMachine, process: Process): AgentPorts {
  const { at } = machine;
  const { clock } = process;
  const root = at.disks.mount(process);
  const { run } = at.spec;
  const paths = agentPaths(root, run);
  const bucket = new S3Connection(at.s3, process);
  const lanes = new Lanes({ clock });
  const traffic = new BucketTraffic();
  const throttle = (error: StoreError): void => {
    if (error.status === 503) lanes.throttled();
  };
  const once = limited(bucket, STORE_CONCURRENCY);
  const store = retrying(once, { clock, onRetry: throttle });
  const uploadStore = retrying(traffic.through(once), {
    clock,
    onRetry: (error) => {
      traffic.failed(error);
      throttle(error);
    },
  });
  const account = { name: 'ubuntu', home: root + HOME, switchTo: null };
  const log = at.trace === null ? silentLog : tracing(at.trace, process.name);
  const open = runCheckpoints({
    store: uploadStore,
    run,
    clock,
    log,
    account,
    lanes,
    paths,
    partSizeBytes: at.partSizeBytes,
    openWriters: {
      among: (files) => {
        const written = files.filter((file) => machine.disk.isWritten(Number(file.inode.split(':')[1])));
        return process.onDisk(() => new Set(written.map((file) => file.inode)));
      },
    },
    watch: (_folder, { onChange, signal }) => machine.watch(process, onChange, signal),
  });
  return {
    clock,
    log,
    paths,
    config: {
      version: FORMAT_VERSION,
      run,
      launch: 1,
      bucket: 'simulated',
      prefix: '',
      region: 'us-east-1',
      host: 'ec2',
    },
    store,
    uploadStore,
    traffic,
    host: createEc2Host({
      imds: simulatedImds(
        process,
        () => machine.metadata,
        () => process.random.chance(at.trouble()),
      ),
      fleetEnder: at.fleet.ender(process),
      power: powerOf(machine, process),
    }),
    priority: { background: () => {}, normal: () => {} },
    account,
    supervisor: () => new SimulatedSupervisor(process, machine.bench),
    lease: ({ owner, launch, spec }) => {
      const keeper = new LeaseKeeper({
        store: bucket,
        run,
        clock,
        log,
        policy: leasePolicyOf(spec.timing),
        memory: fileLeaseMemory(paths.lease),
        claim: { owner, launch, nodes: spec.nodes },
      });
      if (process.alive) machine.keeper = keeper;
      return keeper;
    },
    checkpoints: watched(open, machine, process),
    openEndpoint: () => Promise.resolve({ broadcast: () => {}, close: () => Promise.resolve() }),
    unpackCode: (_archive, folder) => {
      const path = `${folder.slice(root.length)}/train.py`;
      return process.onDisk(() => void machine.disk.open(path, { create: true, exclusive: false, truncate: true }));
    },
    inheritedEnvironment: {},
    uselessMs: at.spec.timing.bootGuardMs * 0.9,
    agentVersion: 'simulated',
    pid: 1,
    onShutdown: (listener) => {
      if (process.alive) machine.shutdownListeners.push(listener);
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
