import {
  type CleanUpReport,
  fileLeaseMemory,
  fileUploadJournal,
  LeaseKeeper,
  type LeasePolicy,
  type OpenWriters,
  type PassOptions,
  type PassReport,
  recognisers,
  prefetchLatest,
  type Publisher,
  type PublisherOptions,
  type Publishing,
  type RestoredCheckpoint,
  type RestoreOptions,
  setTornAside,
  type WorkloadEnd,
} from '@runctl/checkpoint';
import { silentLog } from '@runctl/core';
import { limited, type ObjectStore, retrying } from '@runctl/store';
import type { Process } from './process.ts';
import type { TrainerEnd } from './trainer.ts';

export const RUN = 'r-abcdefghij';
const SETTLE_MS = 1000;
/** Not as often as the agent: each look is a good part of a world's cost. */
const AGAIN_MS = 400;
const UNASKED_MS = 15_000;
const GROWING_MS = 300;

/** The parts of the product that the simulated agent is made of. Mutants put others in their places. */
export interface Parts {
  readonly publisher: (options: PublisherOptions) => Publisher;
  readonly restore: (
    options: RestoreOptions,
    prefetched: Awaited<ReturnType<typeof prefetchLatest>>,
  ) => Promise<RestoredCheckpoint | null>;
  readonly cleanUp: (publishing: Publishing) => Promise<CleanUpReport>;
  readonly leasePolicy: LeasePolicy;
  /** Stands between the agent and its bucket. */
  readonly store: (store: ObjectStore, process: Process) => ObjectStore;
  readonly mayPublish: (keeper: LeaseKeeper) => { readonly generation: number } | null;
  readonly ended: (end: WorkloadEnd) => WorkloadEnd;
}

/** What the agent has of its machine. */
export interface AgentSurroundings {
  readonly process: Process;
  /** The bucket as this process reaches it. */
  readonly store: ObjectStore;
  readonly parts: Parts;
  /** Absolute, as the process sees them. */
  readonly folder: string;
  readonly leaseFile: string;
  readonly uploadsFile: string;
  readonly partSizeBytes: number;
  readonly openWriters: OpenWriters;
  /** The script on this machine, running or ended; null when none was started or it was forgotten. */
  readonly workload: () => Workload | null;
  readonly start: () => Workload;
  readonly forget: () => void;
  /** Kept over deaths of the agent. */
  readonly journal: MachineJournal;
  readonly stop: StopWish;
  readonly watch: (onChange: () => void, signal: AbortSignal) => void;
  readonly events: AgentEvents;
}

/** What agents on one machine know of each other. */
export interface MachineJournal {
  /** Generation that the script on this machine belongs to. */
  generation: number | null;
  sinceMs: number;
  /** Set once a script was killed here: since when its generation had written. */
  killedSinceMs: number | null;
  /** Manifests that the last restore found damaged. */
  rejected: readonly string[];
}

export interface Workload {
  readonly done: Promise<TrainerEnd>;
  readonly ended: TrainerEnd | null;
  tell(): void;
  kill(): void;
}

/** A notice: the machine may be gone at `deadlineMs` (monotonic). */
export interface StopWish {
  readonly signal: AbortSignal;
  /** Null before the notice. */
  readonly deadlineMs: () => number | null;
}

/** What the agent believes, told to those who check it. */
export interface AgentEvents {
  keeper(keeper: LeaseKeeper): void;
  restoring(): void;
  restored(restored: RestoredCheckpoint | null): void;
  passed(report: PassReport, final: boolean): void;
}

/** One life of an agent: as `runctl-agent` lives it as far as checkpoints and lease go. Returns when there is no more to do. */
export class Agent {
  readonly #at: AgentSurroundings;
  readonly #keeper: LeaseKeeper;
  readonly #publisher: Publisher;
  readonly #store: ObjectStore;
  readonly #rejected: string[];
  readonly #life = new AbortController();

  constructor(at: AgentSurroundings) {
    this.#at = at;
    this.#rejected = [...at.journal.rejected];
    const { parts, process, store } = at;
    const clock = process.clock;
    const bucket = parts.store(store, process);
    this.#store = retrying(limited(bucket, 32), { clock });
    this.#keeper = new LeaseKeeper({
      store: bucket,
      run: RUN,
      clock,
      log: silentLog,
      policy: parts.leasePolicy,
      memory: fileLeaseMemory(at.leaseFile),
      claim: { owner: process.host.name, launch: 1, nodes: 1 },
    });
    at.events.keeper(this.#keeper);
    this.#publisher = parts.publisher({
      store: this.#store,
      run: RUN,
      folder: at.folder,
      node: 0,
      clock,
      log: silentLog,
      recognisers,
      openWriters: at.openWriters,
      settleMs: SETTLE_MS,
      mayPublish: this.#mayPublish,
      rejected: this.#rejected,
      journal: fileUploadJournal(at.uploadsFile, () => {}),
      partSizeBytes: at.partSizeBytes,
    });
  }

  async live(): Promise<void> {
    const generation = await this.#generation();
    if (generation === null) return;
    const fenced = new AbortController();
    const renewing = this.#keeper.run(this.#life.signal, () => fenced.abort());
    const cleaning = this.#at.parts.cleanUp({ ...this.#access(), generation }).catch(() => {});
    while (!fenced.signal.aborted && !(await this.#attempt(fenced.signal)));
    if (fenced.signal.aborted) this.#at.workload()?.kill();
    else await until(this.#at.process, () => this.#keeper.release());
    this.#life.abort(new Error('the agent ends'));
    await Promise.all([renewing, cleaning]);
  }

  readonly #mayPublish = (): { readonly generation: number } | null => this.#at.parts.mayPublish(this.#keeper);

  /** Goes on with the script of an agent that died here, else waits for the lease. Null after a notice. */
  async #generation(): Promise<number | null> {
    const { journal, stop, workload, forget } = this.#at;
    if (workload() !== null) {
      const generation = await this.#keeper.resume();
      if (generation !== null && generation === journal.generation) return generation;
      workload()?.kill();
    }
    const generation = await this.#waitForLease(stop.signal);
    if (generation !== null && generation !== journal.generation) {
      workload()?.kill();
      forget();
      journal.generation = generation;
      journal.sinceMs = this.#at.process.clock.wallMs();
    }
    return generation;
  }

  async #waitForLease(signal: AbortSignal): Promise<number | null> {
    for (;;) {
      try {
        return await this.#keeper.acquire({ signal, onWait: () => this.#prefetch() });
      } catch (error) {
        if (signal.aborted) return null;
        throw error;
      }
    }
  }

  #prefetching: ReturnType<typeof prefetchLatest> = Promise.resolve(null);

  #prefetch(): void {
    const before = this.#prefetching;
    this.#prefetching = before.then(() => prefetchLatest(this.#restoreOptions())).catch(() => null);
  }

  /** The script, from its start or where an agent that died has left it, to its end. True when nothing more follows here. */
  async #attempt(fenced: AbortSignal): Promise<boolean> {
    const { workload, start, stop, events, parts } = this.#at;
    if (stop.signal.aborted && workload() === null) return true;
    if (workload() === null) await this.#restore(fenced);
    if (fenced.aborted) return true;
    const running = workload() ?? start();
    const passes = new AbortController();
    const during = AbortSignal.any([passes.signal, fenced]);
    const passing = Promise.all([this.#pass(during), this.#uploadGrowing(during)]);
    await Promise.race([running.done, aborted(stop.signal), aborted(fenced)]);
    if (fenced.aborted) {
      running.kill();
      await passing;
      return true;
    }
    if (stop.signal.aborted) void this.#publisher.hurry(stop.deadlineMs() ?? 0);
    if (running.ended === null) await this.#drain(running);
    const told = stop.signal.aborted;
    passes.abort();
    const { clean, atMs } = await running.done;
    await this.#finish(parts.ended({ clean: clean && told, atMs }), fenced, events);
    await passing;
    await this.#publisher.end();
    if (!told) {
      const { journal } = this.#at;
      journal.killedSinceMs = Math.min(
        journal.killedSinceMs ?? journal.sinceMs,
        atMs === -Infinity ? atMs : journal.sinceMs,
      );
      this.#at.forget();
    }
    return told;
  }

  async #drain(running: Workload): Promise<void> {
    const { process, stop } = this.#at;
    running.tell();
    const graceMs = (stop.deadlineMs() ?? 0) - 6000 - process.clock.monotonicMs();
    await Promise.race([running.done, process.clock.sleep(Math.max(0, graceMs))]);
    running.kill();
    await running.done;
  }

  /** Passes when files change, and while something is unsettled. */
  async #pass(signal: AbortSignal): Promise<void> {
    const { process, watch, events } = this.#at;
    let wake = new AbortController();
    let wanted = false;
    watch(() => {
      wanted = true;
      wake.abort();
    }, signal);
    while (!signal.aborted) {
      wanted = false;
      const report = await this.#publisher.pass({ signal });
      events.passed(report, false);
      const soon = report.unsettled || report.error !== null || report.refused === 'not-holder';
      wake = new AbortController();
      if (wanted) wake.abort();
      const pause = AbortSignal.any([signal, wake.signal]);
      await process.clock
        .sleep(soon ? Math.max(report.againInMs ?? SETTLE_MS, AGAIN_MS) : UNASKED_MS, pause)
        .catch(() => {});
      if (!signal.aborted) await process.clock.sleep(SETTLE_MS / 4, signal).catch(() => {});
    }
  }

  /** Sends what grows while it grows. */
  async #uploadGrowing(signal: AbortSignal): Promise<void> {
    const { clock } = this.#at.process;
    while (!signal.aborted) {
      const look = await this.#publisher.uploadGrowing(signal).catch(() => ({ active: false, files: 0 }));
      await clock.sleep(look.active ? GROWING_MS : SETTLE_MS, signal).catch(() => {});
    }
  }

  async #finish(ended: Required<PassOptions>['ended'], fenced: AbortSignal, events: AgentEvents): Promise<void> {
    const { process, stop } = this.#at;
    const deadlineMs = stop.deadlineMs();
    for (;;) {
      const report = await this.#publisher.pass({
        ended,
        signal: fenced,
        ...(deadlineMs === null ? {} : { deadlineMs }),
      });
      events.passed(report, true);
      const again = report.refused !== 'fenced' && (report.error !== null || report.refused === 'not-holder');
      const late = deadlineMs !== null && process.clock.monotonicMs() >= deadlineMs;
      if (fenced.aborted || late || (!again && !report.unsettled)) return;
      await process.clock.sleep(1000, fenced).catch(() => {});
    }
  }

  async #restore(fenced: AbortSignal): Promise<void> {
    const { events, folder, journal, parts, process } = this.#at;
    await until(process, async () => {
      if (fenced.aborted) return;
      events.restoring();
      const prefetched = await this.#prefetching;
      this.#prefetching = Promise.resolve(null);
      const restored = await parts.restore(this.#restoreOptions(), prefetched);
      if (restored !== null) this.#rejected.push(...restored.rejected);
      if (restored !== null && process.alive) journal.rejected = restored.rejected;
      else await setTornAside(folder, { cutOffSinceMs: journal.killedSinceMs });
      events.restored(restored);
    });
  }

  #restoreOptions(): RestoreOptions {
    return { ...this.#access(), log: silentLog, folder: this.#at.folder };
  }

  #access() {
    const { clock } = this.#at.process;
    return { store: this.#store, run: RUN, clock, signal: this.#life.signal, mayPublish: this.#mayPublish };
  }
}

/** Again and again, with a pause, until it works. */
async function until(process: Process, act: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await act();
    } catch {
      await process.clock.sleep(3000);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
