import type { Clock } from '@runctl/core';
import type { LivingProcess, ProcessTable } from './process-table.ts';
import { membersOf } from './recipients.ts';
import type { StartedWorkload } from './state-files.ts';

/** The leader of a workload whose leader is not known. No process has it as group or session. */
export const NO_LEADER = -1;
/** Gives up on processes that hang in the kernel. */
const KILL_PASSES = 20;

/** Finds and kills the processes of a workload. */
export class Members {
  readonly #clock: Clock;
  readonly #processes: ProcessTable;

  constructor({ clock, processes }: { readonly clock: Clock; readonly processes: ProcessTable }) {
    this.#clock = clock;
    this.#processes = processes;
  }

  /** All living processes of the workload; null where this machine can't list them. */
  of({ id, pid, wrapper }: StartedWorkload): readonly LivingProcess[] | null {
    const all = this.#processes.all();
    return all === null ? null : membersOf(all, { id, leader: pid, wrapper });
  }

  /** Kills them until none is left. Never rejects. */
  async kill(workload: StartedWorkload): Promise<void> {
    for (let pass = 0; pass < KILL_PASSES; pass++) {
      const members = this.of(workload);
      if (members === null && workload.pid !== NO_LEADER) sendSignal(-workload.pid, 'SIGKILL');
      if (members === null || members.length === 0) return;
      for (const { pid } of members) sendSignal(pid, 'SIGKILL');
      await this.#clock.sleep(10);
    }
  }
}

/** Sends a signal to a process, or to the group `-pid`; one that is gone is no error. */
export function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
}
