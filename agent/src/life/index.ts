export type { Checkpoints, OpenCheckpoints } from '../checkpoints/checkpoint-port.ts';
export type { Imds, ImdsAnswer } from '../host/ec2/imds-client.ts';
export type {
  AdoptedProcess,
  Supervisor,
  WorkloadCommand,
  WorkloadEnded,
  WorkloadProcess,
} from '../workload/supervisor.ts';
export type { AgentPorts } from './ports.ts';
export { runAgent } from './run-agent.ts';
