import type { Clock, Log } from '@runctl/core';
import type { AgentConfig, AgentPaths, RunSpec } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { OpenCheckpoints } from '../checkpoints/checkpoint-port.ts';
import type { OpenEndpoint } from '../endpoint/endpoint.ts';
import type { Host } from '../host/host.ts';
import type { LeaseKeeper, LeaseLook, OutputFolder, OutputFolderOptions } from '@runctl/checkpoint';
import type { BucketTraffic } from '../reporting/bucket-traffic.ts';
import type { UnpackCode } from '../preparation/code.ts';
import type { Account } from '../workload/account.ts';
import type { FindInterpreter } from '../workload/interpreter/interpreter.ts';
import type { Priority } from '../workload/priority.ts';
import type { Supervisor } from '../workload/supervisor/supervisor.ts';

export interface LeaseRequest {
  readonly owner: string;
  readonly launch: number;
  readonly spec: RunSpec;
}

export type OutputRequest = Pick<OutputFolderOptions, 'folder' | 'checkpointFolder' | 'settleMs' | 'mayPublish'>;

/** All that an agent needs of the world. Built by main.ts, and by tests out of memory. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly paths: AgentPaths;
  readonly config: AgentConfig;
  /** Scoped to the bucket's prefix. */
  readonly store: ObjectStore;
  /** The same for checkpoints and log, whose traffic is counted. */
  readonly uploadStore: ObjectStore;
  readonly traffic: BucketTraffic;
  readonly host: Host;
  readonly priority: Priority;
  readonly account: Account;
  readonly supervisor: (timing: RunSpec['timing']) => Supervisor;
  readonly lease: (request: LeaseRequest) => LeaseKeeper;
  readonly leaseLook: Pick<LeaseLook, 'heldLast' | 'otherHolder'>;
  readonly checkpoints: OpenCheckpoints;
  /** Opens the folder that a run keeps besides its checkpoints. */
  readonly output: (request: OutputRequest) => OutputFolder;
  readonly openEndpoint: OpenEndpoint;
  readonly unpackCode: UnpackCode;
  readonly findInterpreter: FindInterpreter;
  readonly inheritedEnvironment: Readonly<Record<string, string | undefined>>;
  /** An agent that can do nothing useful for this long ends the launch: nobody may be watching. */
  readonly uselessMs: number;
  /** So does one whose bucket has refused it for this long from the start. */
  readonly refusedMs: number;
  readonly agentVersion: string;
  readonly pid: number;
  /** Calls back when the machine begins to shut down. */
  readonly onShutdown: (listener: () => void) => void;
}
