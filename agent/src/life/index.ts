export type { Checkpoints, OpenCheckpoints } from '../checkpoints/checkpoint-port.ts';
export type { AgentEnd } from './life.ts';
export type { Host, Permission, Power, Successors } from '../host/host.ts';
export type {
  AdoptedProcess,
  StopProgress,
  Supervisor,
  WorkloadCommand,
  WorkloadEnded,
  WorkloadProcess,
  WorkloadTraits,
} from '../workload/supervisor/supervisor.ts';
export type { AgentPorts } from './ports.ts';
export { runAgent } from './run-agent.ts';
