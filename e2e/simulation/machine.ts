import type { LeaseKeeper } from '@runctl/checkpoint';
import { Agent, type AgentEvents, type MachineJournal, type Parts } from './agent.ts';
import { Disk } from './disk.ts';
import type { WatchedMachine, Witness } from './invariants.ts';
import type { ModelS3 } from './model-s3.ts';
import type { NodeDisk } from './node-disk.ts';
import { MachineClock, Process } from './process.ts';
import type { Random } from './random.ts';
import type { FinishedSaves } from './saves.ts';
import { S3Connection } from './s3-connection.ts';
import type { Timeline } from './timeline.ts';
import { type Habits, Trainer } from './trainer.ts';

const CHECKPOINTS = '/home/checkpoints';
const LEASE_FILE = '/var/lib/runctl/lease.json';
const UPLOADS_FILE = '/var/lib/runctl/uploads.ndjson';

export interface MachineSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly s3: ModelS3;
  readonly disks: NodeDisk;
  readonly habits: Habits;
  readonly saves: FinishedSaves;
  readonly parts: Parts;
  readonly witness: Witness;
  readonly partSizeBytes: number;
}

export interface Temper {
  /** Agents on this machine die at a call up to this one; null = they live. */
  readonly diesWithin: number | null;
  readonly clockRate: number;
  readonly wallOffsetMs: number;
}

/** A machine of the run: its disk, its script, one agent after another. */
export class Machine implements WatchedMachine {
  readonly name: string;
  readonly disk: Disk;
  readonly folder = CHECKPOINTS;
  readonly clock: MachineClock;
  alive = true;
  trainer: Trainer | null = null;
  process: Process | null = null;
  keeper: LeaseKeeper | null = null;
  deaths = 0;
  readonly #at: MachineSurroundings;
  readonly #temper: Temper;
  readonly #notice = new AbortController();
  readonly #journal: MachineJournal = {
    generation: null,
    sinceMs: 0,
    killedSinceMs: null,
    rejected: [],
  };
  #deadlineMs: number | null = null;

  constructor(name: string, at: MachineSurroundings, temper: Temper) {
    this.name = name;
    this.#at = at;
    this.#temper = temper;
    this.clock = new MachineClock(at.timeline, { rate: temper.clockRate, wallOffsetMs: temper.wallOffsetMs });
    this.disk = new Disk(() => this.clock.wallMs());
    this.disk.makeFolder(CHECKPOINTS, true);
  }

  /** The generation that this machine may publish in, by its own view. */
  mayPublish(): number | null {
    return this.process?.alive === true ? (this.keeper?.mayPublish()?.generation ?? null) : null;
  }

  start(): void {
    const { random, timeline } = this.#at;
    const process = new Process(this, {
      timeline,
      random: random.fork(),
      name: `${this.name}#${this.deaths + 1}`,
      onDeath: () => this.#agentDied(),
    });
    const { diesWithin } = this.#temper;
    if (diesWithin !== null) process.dieAtCall = random.int(1, diesWithin);
    this.process = process;
    this.keeper = null;
    this.#live(process).catch((error: unknown) => {
      if (process.alive) this.#at.witness.failed(process, error);
    });
  }

  /** EC2 takes the machine back; it is gone after `windowMs`. */
  notice(windowMs: number): void {
    if (!this.alive || this.#notice.signal.aborted) return;
    this.#deadlineMs = this.clock.monotonicMs() + (windowMs - 2000) * this.clock.rate;
    this.#notice.abort(new Error('spot notice'));
    this.#at.timeline.after(windowMs, () => this.cutPower());
  }

  cutPower(): void {
    if (!this.alive) return;
    this.alive = false;
    this.trainer?.kill();
    this.process?.die();
  }

  #agentDied(): void {
    this.deaths++;
    this.keeper = null;
    if (!this.alive) return;
    const { random, timeline } = this.#at;
    timeline.after(random.int(100, 4000), () => {
      if (this.alive) this.start();
    });
  }

  async #live(process: Process): Promise<void> {
    const { disks, parts, s3 } = this.#at;
    const root = disks.mount(process);
    const agent = new Agent({
      process,
      store: new S3Connection(s3, process),
      parts,
      folder: root + CHECKPOINTS,
      leaseFile: root + LEASE_FILE,
      uploadsFile: root + UPLOADS_FILE,
      partSizeBytes: this.#at.partSizeBytes,
      openWriters: {
        among: (files) => {
          const written = files.filter((file) => this.disk.isWritten(Number(file.inode.split(':')[1])));
          return process.onDisk(() => new Set(written.map((file) => file.inode)));
        },
      },
      workload: () => this.trainer,
      start: () => this.#startTrainer(),
      forget: () => {
        if (process.alive) this.trainer = null;
      },
      journal: this.#journal,
      stop: { signal: this.#notice.signal, deadlineMs: () => this.#deadlineMs },
      watch: (onChange, signal) => this.#watch(process, onChange, signal),
      events: this.#events(process),
    });
    await agent.live();
    this.cutPower();
  }

  #startTrainer(): Trainer {
    const { habits, random, saves, timeline } = this.#at;
    const options = {
      disk: this.disk,
      folder: CHECKPOINTS,
      timeline,
      random: random.fork(),
      habits,
      saves,
      wallMs: () => this.clock.wallMs(),
      wallOffsetMs: () => this.clock.wallOffsetMs,
      duties: null,
    };
    this.trainer = new Trainer(options);
    return this.trainer;
  }

  #watch(process: Process, onChange: () => void, signal: AbortSignal): void {
    const { random, timeline } = this.#at;
    let told = false;
    const unwatch = this.disk.onChange(() => {
      if (told) return;
      told = true;
      timeline.after(random.int(1, 500), () => {
        told = false;
        if (!signal.aborted) process.deliver(onChange);
      });
    });
    signal.addEventListener('abort', unwatch, { once: true });
  }

  #events(process: Process): AgentEvents {
    const { witness } = this.#at;
    return {
      keeper: (keeper) => {
        if (process.alive) this.keeper = keeper;
      },
      restoring: () => witness.restoring(process),
      restored: (restored) => {
        if (process.alive) witness.restored(process, this, restored);
      },
      passed: (report, final) => {
        if (process.alive) witness.passed(process, this, { report, final });
      },
    };
  }
}
