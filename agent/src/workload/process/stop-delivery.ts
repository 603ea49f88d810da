import { type Clock, type Log, messageOf } from '@runctl/core';
import { type Members, sendSignal } from './members.ts';
import type { LivingProcess } from './process-table.ts';
import { firstRecipients, isRank } from './recipients.ts';
import type { StartedWorkload } from './state-files.ts';
import { keepStopRecord, readStopRecord, type StopRecord } from './stop-record.ts';

export interface StopDeliveryOptions {
  readonly members: Members;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the record is kept. */
  readonly path: string;
}

const RANKS_POLL_MS = 50;

/**
 * Delivers SIGTERM to the processes of one workload: to each once, over all agents on this machine, and to a launcher
 * only after its ranks are gone.
 */
export class StopDelivery {
  readonly #options: StopDeliveryOptions;
  #record: StopRecord | null = null;
  readonly #delivered = new Set<number>();

  constructor(options: StopDeliveryOptions) {
    this.#options = options;
  }

  /** Null as long as the workload is not being stopped. */
  get record(): StopRecord | null {
    return this.#record;
  }

  /** Begins to stop a workload; without effect once it is being stopped. See `StopRecord` for `caught` and `note`. */
  begin(workload: StartedWorkload, { caught, note }: Pick<StopRecord, 'caught' | 'note'>): void {
    if (this.#record !== null) return;
    this.#deliver(workload, this.#keep({ id: workload.id, caught, ranks: false, pids: [], note }));
  }

  /** Goes on from where an agent that died had come to; without effect when none had begun. */
  resume(workload: StartedWorkload): void {
    this.#record = readStopRecord(this.#options.path, workload.id);
    if (this.#record !== null) this.#deliver(workload, this.#record);
  }

  /** Sends SIGTERM to those that have not got it: a second one would look like impatience to a script that saves. */
  sendOnce(processes: readonly LivingProcess[]): void {
    for (const { pid } of processes) {
      if (!this.#delivered.has(pid)) sendSignal(pid, 'SIGTERM');
      this.#delivered.add(pid);
    }
  }

  #deliver(workload: StartedWorkload, begun: StopRecord): void {
    for (const pid of begun.pids) this.#delivered.add(pid);
    const record = begun.pids.length > 0 ? begun : this.#sendFirst(workload, begun);
    if (!record.ranks) return;
    this.#sendLauncherAfter(workload, new Set(record.pids)).catch((error: unknown) =>
      this.#options.log.warn({ error: messageOf(error) }, 'the launcher could not be told to stop'),
    );
  }

  #sendFirst(workload: StartedWorkload, record: StopRecord): StopRecord {
    const members = this.#options.members.of(workload);
    if (members === null) sendSignal(-workload.pid, 'SIGTERM');
    const first = firstRecipients(members ?? []);
    this.sendOnce(first);
    const pids = members === null ? [workload.pid] : first.map(({ pid }) => pid);
    return this.#keep({ ...record, ranks: first.some(isRank), pids });
  }

  /** The launcher gets SIGTERM as soon as its workers are gone, before it could start them again. */
  async #sendLauncherAfter(workload: StartedWorkload, ranks: ReadonlySet<number>): Promise<void> {
    for (;;) {
      const members = this.#options.members.of(workload) ?? [];
      if (!members.some(({ pid }) => ranks.has(pid))) return this.sendOnce(members);
      await this.#options.clock.sleep(RANKS_POLL_MS);
    }
  }

  #keep(record: StopRecord): StopRecord {
    this.#record = record;
    try {
      keepStopRecord(this.#options.path, record);
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'that the workload was told to stop could not be noted');
    }
    return record;
  }
}
