import type {
  AdoptedProcess,
  StopProgress,
  Supervisor,
  WorkloadCommand,
  WorkloadEnded,
  WorkloadProcess,
  WorkloadTraits,
} from '@runctl/agent/life';
import type { Process } from '../process.ts';
import type { Trainer } from '../trainer.ts';

/** What a machine knows of the script on it, whoever asks: it outlives every agent. */
export interface Slot {
  readonly id: string;
  readonly pid: number;
  startedAtMs: number;
  /** Null: its start was cut short. */
  trainer: Trainer | null;
  told: { readonly note: string } | null;
}

/** Of one machine. */
export interface Bench {
  slot: Slot | null;
  /** Starts the script. */
  begin(command: WorkloadCommand): Trainer;
  /** A script that runs is forgotten: nobody would ever stop it. */
  forgotten(trainer: Trainer): void;
}

/** Between two looks for an end that no event announces. */
const POLL_MS = 2000;

/** The Supervisor's contract over a simulated script; each of its steps is a point at which the agent can die. */
export class SimulatedSupervisor implements Supervisor {
  readonly #process: Process;
  readonly #bench: Bench;
  #mine: Slot | null = null;

  constructor(process: Process, bench: Bench) {
    this.#process = process;
    this.#bench = bench;
  }

  async start(command: WorkloadCommand): Promise<WorkloadProcess> {
    await this.forget();
    const pid = this.#process.random.int(1000, 30_000);
    const slot: Slot = {
      id: `workload-${pid}-${this.#process.timeline.nowMs}`,
      pid,
      trainer: null,
      told: null,
      startedAtMs: 0,
    };
    await this.#do(() => (this.#bench.slot = slot));
    await this.#do(() => {
      slot.startedAtMs = this.#process.clock.wallMs();
      slot.trainer = this.#bench.begin(command);
    });
    // Its wrapper writes down what is needed to find it again.
    await this.#do(() => {});
    this.#mine = slot;
    return { pid, id: slot.id };
  }

  adopt(): Promise<AdoptedProcess | null> {
    return this.#do(() => {
      const { slot } = this.#bench;
      if (slot === null || slot.trainer === null) {
        this.#bench.slot = null;
        return null;
      }
      this.#mine = slot;
      if (slot.told !== null) slot.trainer.tell();
      return { pid: slot.pid, id: slot.id, stopNote: slot.told?.note ?? null, startedAtMs: slot.startedAtMs };
    });
  }

  async exited(signal: AbortSignal): Promise<WorkloadEnded> {
    const trainer = this.#mine?.trainer ?? null;
    if (trainer === null) throw new Error('no workload was started or adopted');
    const woken = new AbortController();
    trainer.done.then(
      () => this.#process.deliver(() => woken.abort()),
      () => {},
    );
    for (;;) {
      const end = await this.#do(() => trainer.ended);
      if (end !== null) {
        const clockWasSet = end.atMs === Number.NEGATIVE_INFINITY;
        const endedAtMs = clockWasSet ? null : end.atMs;
        return {
          code: end.code,
          signal: end.signal,
          endedAtMs,
          clockWasSet,
          leftovers: 0,
          outlived: [],
          unkillable: [],
          saversEndedAtMs: null,
          othersWentOn: false,
        };
      }
      await this.#process.clock.sleep(POLL_MS, AbortSignal.any([signal, woken.signal])).catch((error: unknown) => {
        if (signal.aborted) throw error;
      });
    }
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL', note = ''): Promise<void> {
    const slot = this.#mine;
    if (slot === null) return;
    if (signal === 'SIGKILL') return this.#do(() => slot.trainer?.kill());
    if (slot.told !== null) return;
    await this.#do(() => (slot.told = { note }));
    await this.#do(() => slot.trainer?.tell());
  }

  stopping(): StopProgress {
    return { couldSave: null, othersWait: false, toldAtMs: null };
  }

  survivors(): readonly [] {
    return [];
  }

  traits(): WorkloadTraits | null {
    return null;
  }

  async forget(): Promise<void> {
    this.#mine = null;
    await this.#do(() => {
      const trainer = this.#bench.slot?.trainer ?? null;
      if (trainer !== null && trainer.ended === null) this.#bench.forgotten(trainer);
      this.#bench.slot = null;
    });
  }

  #do<T>(perform: () => T): Promise<T> {
    return this.#process.onDisk(perform);
  }
}
