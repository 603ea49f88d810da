import { type Clock, type Log, messageOf } from '@runctl/core';
import type { StopProgress } from '../supervisor/supervisor.ts';
import type { Member, Members } from './members.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';
import { stopOrder } from './recipients.ts';
import type { StartedWorkload } from './state-files.ts';
import { keepStopRecord, readStopRecord, type StopRecord } from './stop-record.ts';
import { canSaveAtTerm } from './traits.ts';

export interface StopDeliveryOptions {
  readonly workload: StartedWorkload;
  readonly members: Members;
  readonly processes: Pick<ProcessTable, 'startTime'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the record is kept. */
  readonly path: string;
}

const POLL_MS = 20;
/** For the ends of pipes, to read what the first have written last and to leave by themselves. */
export const READING_MS = 250;

/**
 * Delivers SIGTERM to the processes of one workload: to each once, over all agents on this machine, and to those whose end
 * could take others down only after these are gone (see `stopOrder`).
 */
export class StopDelivery {
  readonly #options: StopDeliveryOptions;
  #record: StopRecord | null = null;
  #firstGoneMs: number | null = null;
  /** Monotonic: when the second are told, though the first go on. */
  #secondAtMs = Number.POSITIVE_INFINITY;
  #toldAtMs: number | null = null;
  readonly #delivered = new Set<string>();

  constructor(options: StopDeliveryOptions) {
    this.#options = options;
  }

  /** Null as long as the workload is not being stopped. */
  get record(): StopRecord | null {
    return this.#record;
  }

  /** Whether those that could save have ended since they were told to stop. */
  get firstAreGone(): boolean {
    return this.#firstGoneMs !== null;
  }

  /** When the last of them had ended (wall time); null before, and where the leader's own end tells it better. */
  get saversEndedAtMs(): number | null {
    return this.othersWentOn ? this.#firstGoneMs : null;
  }

  /** See `WorkloadEnded`. */
  get othersWentOn(): boolean {
    const { workload } = this.#options;
    return this.#record?.canSave === true && this.#record.first.some(({ pid }) => pid !== workload.pid);
  }

  /** What is known of it is null before anybody is told; the time that the second were told is lost with the agent. */
  get progress(): StopProgress {
    return { couldSave: this.#record?.couldSave ?? null, othersWait: this.#othersWait(), toldAtMs: this.#toldAtMs };
  }

  /**
   * Begins to stop the workload; once it is being stopped only the time moves nearer after which the second are told. See
   * `StopRecord` for `caught` and `note`.
   */
  begin({ caught, note, withinMs }: Pick<StopRecord, 'caught' | 'note'> & { readonly withinMs: number }): void {
    const { clock, workload } = this.#options;
    this.#secondAtMs = Math.min(this.#secondAtMs, clock.monotonicMs() + withinMs);
    if (this.#record !== null) return;
    const nobody = { first: [], second: [], above: [], told: [] };
    this.#deliver(this.#keep({ id: workload.id, caught, canSave: true, couldSave: null, note, ...nobody }));
  }

  /** Goes on from where an agent that died had come to; without effect when none had begun. */
  resume(): void {
    this.#record = readStopRecord(this.#options.path, this.#options.workload.id);
    if (this.#record !== null) this.#deliver(this.#record);
  }

  /** Sends SIGTERM to those that have not got it: a second one would look like impatience to a script that saves. */
  sendOnce(processes: readonly ProcessIdentity[]): void {
    const untold = processes.filter((each) => !this.#delivered.has(keyOf(each)));
    for (const each of untold) {
      this.#options.members.send(each, 'SIGTERM');
      this.#delivered.add(keyOf(each));
    }
    const told = untold.map(({ pid, startTime }) => ({ pid, startTime }));
    if (told.length > 0 && this.#record !== null)
      this.#keep({ ...this.#record, told: [...this.#record.told, ...told] });
  }

  #othersWait(): boolean {
    const untold = (this.#record?.second ?? []).filter((each) => !this.#delivered.has(keyOf(each)));
    if (untold.length === 0) return false;
    const living = new Set((this.#options.members.candidates() ?? []).map(keyOf));
    return untold.some((each) => living.has(keyOf(each)));
  }

  #deliver(begun: StopRecord): void {
    for (const each of [...begun.first, ...begun.told]) this.#delivered.add(keyOf(each));
    const record = begun.first.length > 0 ? begun : this.#sendFirst(begun);
    this.#sendOthers(record).catch((error: unknown) =>
      this.#options.log.warn({ error: messageOf(error) }, 'some processes could not be told to stop'),
    );
  }

  #sendFirst(record: StopRecord): StopRecord {
    const { members, workload } = this.#options;
    const candidates = members.candidates();
    if (candidates === null) {
      members.signalGroup('SIGTERM');
      return this.#keep({ ...record, first: [{ pid: workload.pid, startTime: workload.startTime }] });
    }
    const { first, second, above, isAwaited } = stopOrder(candidates);
    const order = {
      first: identitiesOf(candidates, first),
      second: identitiesOf(candidates, second),
      above: identitiesOf(candidates, above),
    };
    const couldSave = canSaveAtTerm(candidates, first);
    this.sendOnce(order.first);
    const { told } = this.#record ?? record;
    return this.#keep({ ...record, told, ...order, couldSave, canSave: isAwaited });
  }

  async #sendOthers(record: StopRecord): Promise<void> {
    const { above, canSave } = record;
    const { clock, members } = this.#options;
    if (canSave) await this.#saversEnd(record);
    this.#firstGoneMs = clock.wallMs();
    this.sendOnce(above);
    await clock.sleep(READING_MS);
    for (;;) {
      const others = members.candidates() ?? [];
      if (others.length === 0) return;
      const living = new Set(others.map(({ pid }) => pid));
      // A helper that writes a checkpoint serves its parent to the end.
      this.sendOnce(others.filter((each) => !(each.hasWritten && living.has(each.parent))));
      await clock.sleep(POLL_MS);
    }
  }

  /** Resolves when all who may save have ended. The second are told when the first have, or when their time comes. */
  async #saversEnd({ first, second }: StopRecord): Promise<void> {
    const { clock } = this.#options;
    while ((await this.#anyLives(first)) && (second.length === 0 || clock.monotonicMs() < this.#secondAtMs))
      await clock.sleep(POLL_MS);
    if (second.length > 0) this.#toldAtMs = clock.monotonicMs();
    this.sendOnce(second);
    while (await this.#anyLives([...first, ...second])) await clock.sleep(POLL_MS);
  }

  async #anyLives(processes: readonly ProcessIdentity[]): Promise<boolean> {
    for (const { pid, startTime } of processes)
      if ((await this.#options.processes.startTime(pid)) === startTime) return true;
    return false;
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

const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`;

function identitiesOf(members: readonly Member[], chosen: readonly { readonly pid: number }[]): ProcessIdentity[] {
  const pids = new Set(chosen.map(({ pid }) => pid));
  return members.filter(({ pid }) => pids.has(pid)).map(({ pid, startTime }) => ({ pid, startTime }));
}
