import type { Clock, Log } from '@runctl/core';
import type { AgentPaths } from '@runctl/protocol';
import type { ControlGroups } from './control-group.ts';
import type { ProcessTable } from './process-table.ts';

export interface UnixSupervisorOptions {
  readonly paths: Pick<AgentPaths, 'state' | 'pid' | 'exit' | 'log'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly processes: ProcessTable;
  /** Absent where the machine has none. */
  readonly controlGroups?: ControlGroups;
  /** Put before the command: drops to the ordinary user. */
  readonly asUser: readonly string[];
  /** Put before the wrapper: gives it a scope of its own under systemd. */
  readonly inScope: readonly string[];
  /** Time for the processes that an ended leader left behind. */
  readonly leftoverMs: number;
  /** A process that lives for so long after SIGKILL is waited for no more. */
  readonly unkillableMs: number;
  /** How often an end is looked for that no event announces. */
  readonly pollMs: number;
}
