import type { AgentConfig } from '@runctl/protocol';

/** What a machine must do to become an agent of a launch, whatever the machine is. */
export interface BootRequest {
  /** What the agent is told; on which kind of host it runs, the adapter adds. */
  readonly config: Omit<AgentConfig, 'host' | 'standstillMs'>;
  /** Keys in the bucket, below its prefix, and what their bytes must be. */
  readonly tools: {
    readonly agentKey: string;
    readonly agentSha256: string;
    readonly nodeKey: string;
    readonly nodeSha256: string;
  };
  /** A boot that has not reached the agent by then powers the machine off. */
  readonly bootGuardMs: number;
  /** A refusal by the bucket that lasts this long is taken for lasting. A report that meets trouble alone is tried for seven times as long. */
  readonly refusedMs: number;
  /** An agent that has stood still for so long is restarted; one that does it again costs the machine its power. */
  readonly standstillMs: number;
}
