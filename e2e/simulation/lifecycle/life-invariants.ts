import { gunzipSync } from 'node:zlib';
import type { AgentEnd } from '@runctl/agent/life';
import type { PassReport, RestoredCheckpoint } from '@runctl/checkpoint';
import {
  attemptStatus,
  decodeDocument,
  launchOutcome,
  type LaunchOutcome,
  leaseDocument,
  type LeaseDocument,
  parseAttemptKey,
  parseLogKey,
  runKeys,
  type RunSpec,
} from '@runctl/protocol';
import { isStoreError, readBytes } from '@runctl/store';
import { RUN } from '../agent.ts';
import { Invariants, type WatchedMachine, type Witness } from '../invariants.ts';
import { listed, type ModelS3, type S3Observer, type Write } from '../model-s3.ts';
import type { Process } from '../process.ts';
import type { FinishedSaves } from '../saves.ts';
import type { Habits, Trainer, TrainerEnd } from '../trainer.ts';
import type { Fleet } from './fleet.ts';
import type { LifeMachine, SimulatedNotice } from './life-machine.ts';
import type { ScriptPlan } from './script.ts';

const keys = runKeys(RUN);
const OUTCOME = keys.launch(1).outcome;
/** In calm weather an agent hears of another holder of its lease within this, and kills its script. */
const FENCING_MS = 20_000;
/** In calm weather an agent hears of a wish within this, and tells its script. */
const STOPPING_MS = 15_000;
/** So long after its rest a survivor that nobody needs may still be on, in calm weather. */
const SUPERFLUOUS_MS = 60_000;

interface ScriptLife {
  readonly machine: LifeMachine;
  readonly generation: number;
  readonly trainer: Trainer;
  readonly startedMs: number;
  endedMs: number | null;
}

export interface LifeGiven {
  readonly s3: ModelS3;
  readonly saves: FinishedSaves;
  readonly habits: Habits;
  readonly plan: ScriptPlan;
  readonly spec: RunSpec;
}

/** What must hold of every run's whole life, beside what holds of its checkpoints: compared with what really happened. */
export class LifeInvariants implements S3Observer, Witness {
  readonly engine: Invariants;
  readonly machines: LifeMachine[] = [];
  readonly counts = { scripts: 0, crashes: 0, noticesInTime: 0, adopted: 0, survivors: 0, denials: 0, clockSteps: 0 };
  /** With the step that a restore would have yielded when the outcome landed. */
  outcome: {
    readonly document: LaunchOutcome;
    readonly landedMs: number;
    readonly durableStep: number | null;
  } | null = null;
  /** Since when the weather is calm; null in bad weather. */
  calmSinceMs: number | null = null;
  /** When somebody wished that the run stops. */
  stopWantedMs: number | null = null;
  /** For a while no machine may delete its fleet. */
  forbidden = false;
  readonly #given: LifeGiven;
  #lease: LeaseDocument | null = null;
  #leaseSinceMs = new Map<number, number>();
  readonly #lives: ScriptLife[] = [];
  readonly #crashes: { readonly life: ScriptLife; readonly failure: string }[] = [];
  readonly #said = new Map<number, string>();
  #lines = 0;

  constructor(given: LifeGiven) {
    this.#given = given;
    this.engine = new Invariants(given.s3, given.saves, given.habits);
  }

  get #nowMs(): number {
    return this.#given.s3.timeline.nowMs;
  }

  violated(what: string): void {
    this.engine.violated(what);
  }

  sent(write: Write): void {
    this.engine.sent(write);
  }

  landing(write: Write): Promise<void> {
    return this.engine.landing(write);
  }

  async landed(write: Write): Promise<void> {
    await this.engine.landed(write);
    const { key, operation } = write;
    if (operation !== 'put') return;
    if (key === keys.lease) {
      this.#lease = decodeDocument(leaseDocument, await this.#read(key), key);
      const { generation } = this.#lease;
      if (!this.#leaseSinceMs.has(generation)) this.#leaseSinceMs.set(generation, this.#nowMs);
    } else if (key === OUTCOME) {
      if (this.outcome !== null) return;
      const document = decodeDocument(launchOutcome, await this.#read(key), key);
      this.outcome = { document, landedMs: this.#nowMs, durableStep: this.#durableStep };
    } else if (key === keys.latest) {
      // What a dead agent had sent may land at any time; a living one publishes nothing after the end.
      if (this.outcome !== null && write.by.alive)
        this.violated(`${write.by.name} publishes after the launch's outcome`);
    } else if (parseAttemptKey(`/${key}`)?.document === 'status') await this.#statusLanded(key);
  }

  restoring(process: Process): void {
    this.engine.restoring(process);
  }

  restored(process: Process, machine: WatchedMachine, restored: RestoredCheckpoint | null): void {
    this.engine.restored(process, machine, restored);
  }

  passed(
    process: Process,
    machine: WatchedMachine,
    pass: { readonly report: PassReport; readonly final: boolean },
  ): void {
    this.engine.passed(process, machine, pass);
  }

  /** An agent that may do nothing with the bucket ends, and is started again. */
  failed(process: Process, error: unknown): void {
    if (this.counts.denials > 0 && isStoreError(error, 'denied')) return;
    this.engine.failed(process, error);
  }

  nextLine(): number {
    return ++this.#lines;
  }

  /** What a script wrote to its output. */
  said(generation: number, text: string): void {
    this.#said.set(generation, (this.#said.get(generation) ?? '') + text);
  }

  /** Resolves with the number of this life. */
  scriptBegan(
    machine: LifeMachine,
    {
      generation,
      resumes,
      trainer,
    }: { readonly generation: number; readonly resumes: boolean; readonly trainer: Trainer },
  ): number {
    this.counts.scripts++;
    const life: ScriptLife = { machine, generation, trainer, startedMs: this.#nowMs, endedMs: null };
    if (this.#lives.some((other) => other.machine === machine && other.endedMs === null))
      this.violated(`${machine.name} starts a script beside one that runs`);
    if (resumes && trainer.lastSave === null)
      this.violated(`${machine.name} has a script resume from what no complete save wrote`);
    if (!resumes && (this.engine.pointer?.generation ?? generation) < generation)
      this.violated(`${machine.name} has a script begin anew beside a checkpoint`);
    const sinceMs = this.#leaseSinceMs.get(generation) ?? Number.POSITIVE_INFINITY;
    if (this.outcome !== null && this.outcome.landedMs < sinceMs)
      this.violated(`${machine.name} starts a script after the launch has ended`);
    this.#lives.push(life);
    void trainer.done.then((end) => this.#scriptEnded(life, end));
    return this.#lives.length;
  }

  #scriptEnded(life: ScriptLife, { code, signal }: TrainerEnd): void {
    life.endedMs = this.#nowMs;
    if ((code === null || code === 0) && signal !== 'SIGSEGV') return;
    this.counts.crashes++;
    this.#crashes.push({ life, failure: signal ?? `exit code ${code}` });
  }

  /** The agent asks for the machine to be switched off. */
  poweringOff(machine: LifeMachine): void {
    const lease = this.#lease;
    const elsewhere = lease !== null && lease.owner !== machine.name;
    if (machine.at.fleet.exists && !elsewhere)
      this.violated(`${machine.name} powers off, and leaves a fleet behind that nobody will end`);
  }

  agentEnded(machine: LifeMachine, end: AgentEnd): void {
    if (end === 'left-on') this.violated(`${machine.name} is left on`);
    if (end === 'leaving' && !machine.goesDown)
      this.violated(`the agent on ${machine.name} leaves a machine that stays on`);
  }

  deleting(by: Process): void {
    if (this.outcome === null) this.violated(`${by.name} deletes the fleet before the launch has an outcome`);
  }

  poweredOff(machine: LifeMachine): void {
    const notice = machine.notices.at(-1);
    if (notice !== undefined && !notice.spared && notice.haltMs <= this.#nowMs) this.#keptNotice(machine, notice);
  }

  /** Once a second. */
  tick(): void {
    for (const life of this.#lives) {
      this.#isFenced(life);
      this.#isStopped(life);
    }
    for (const machine of this.machines) this.#isNeeded(machine);
  }

  /** What must be true once nothing runs any more. */
  async atTheEnd(fleet: Fleet): Promise<void> {
    if (fleet.exists) this.violated('the fleet lives on');
    for (const machine of this.machines) if (machine.alive) this.violated(`${machine.name} stays on`);
    if (this.outcome === null) this.violated('the launch has no outcome');
    else await this.#isTrue(this.outcome);
    for (const generation of this.#said.keys()) await this.#logIsWhole(generation);
  }

  #isFenced({ endedMs, generation, machine, trainer }: ScriptLife): void {
    const lease = this.#lease;
    if (endedMs !== null || trainer.ended !== null || lease === null || lease.generation <= generation) return;
    if (!machine.alive || this.calmSinceMs === null) return;
    const nextMs = this.#leaseSinceMs.get(generation + 1) ?? this.#nowMs;
    const sinceMs = Math.max(nextMs, this.calmSinceMs, machine.troubledUntilMs);
    if (this.#nowMs - sinceMs > FENCING_MS)
      this.violated(`${machine.name} still trains in generation ${generation}, which ended with the next one's begin`);
  }

  #isStopped({ endedMs, machine, startedMs, trainer }: ScriptLife): void {
    if (endedMs !== null || trainer.told || !machine.alive) return;
    if (this.stopWantedMs === null || this.calmSinceMs === null) return;
    const sinceMs = Math.max(this.stopWantedMs, startedMs, this.calmSinceMs, machine.troubledUntilMs);
    if (this.#nowMs - sinceMs > STOPPING_MS) this.violated(`${machine.name} trains on after it was to stop`);
  }

  /** A machine that gave the run away with its notice, and outlived that, only costs money while another has it. */
  #isNeeded(machine: LifeMachine): void {
    const notice = machine.notices.at(-1);
    const lease = this.#lease;
    if (
      !machine.alive ||
      notice?.spared !== true ||
      notice.generation === null ||
      lease === null ||
      this.calmSinceMs === null
    )
      return;
    if (lease.owner === machine.name || lease.released) return;
    const othersMs = this.#leaseSinceMs.get(lease.generation) ?? this.#nowMs;
    const sinceMs = Math.max(notice.haltMs, othersMs, this.calmSinceMs, machine.troubledUntilMs);
    if (this.#nowMs - sinceMs > this.#given.spec.timing.survivalMs + SUPERFLUOUS_MS)
      this.violated(`${machine.name} outlived its notice, is not needed, and stays on`);
  }

  /** A script that reacted in time has its last save in the bucket when the machine goes, unless the weather forbade it. */
  #keptNotice(machine: LifeMachine, { atMs, haltMs, trainer, generation }: SimulatedNotice): void {
    const life = this.#lives.find((each) => each.trainer === trainer);
    if (life === undefined || trainer === null) return;
    const { deadlineMarginMs, flushReserveMs, reportReserveMs } = this.#given.spec.timing;
    const killByMs = haltMs - deadlineMarginMs - 1000 - flushReserveMs - reportReserveMs;
    const calm = this.calmSinceMs !== null && this.calmSinceMs < atMs - 5000;
    if (!calm || generation !== life.generation || machine.troubledUntilMs > killByMs - 8000) return;
    if (trainer.ended === null) this.violated(`${machine.name} does not tell its script that EC2 takes the machine`);
    if (trainer.ended === null || life.endedMs === null) return;
    if (trainer.ended.signal === 'SIGKILL' && life.endedMs < killByMs - 3000)
      this.violated(`${machine.name} kills a script that still had time to save`);
    if (!trainer.ended.clean || life.endedMs > killByMs || trainer.lastSave === null) return;
    this.counts.noticesInTime++;
    if (!this.engine.isDurable(trainer.lastSave))
      this.violated(`${machine.name} is gone, and what its script saved in time for that is not durable`);
  }

  async #statusLanded(key: string): Promise<void> {
    const { crashes, generation, interruptions } = decodeDocument(attemptStatus, await this.#read(key), key);
    if (crashes > this.#crashes.length)
      this.violated(`generation ${generation} tells of ${crashes} crashes, and there were ${this.#crashes.length}`);
    if (interruptions >= generation)
      this.violated(`generation ${generation} tells of ${interruptions} interruptions before it`);
  }

  get #durableStep(): number | null {
    return this.engine.latest?.manifest.step ?? null;
  }

  async #isTrue(ended: NonNullable<LifeInvariants['outcome']>): Promise<void> {
    const outcome = ended.document;
    const { cause, durableStep, status } = outcome;
    if (durableStep !== ended.durableStep && durableStep !== this.#durableStep)
      this.violated(`the outcome (${cause}) names ${durableStep} as durable step, and it was ${ended.durableStep}`);
    if (!(await this.engine.isLatestWhole())) this.violated('what is durable is not whole any more');
    if (status === 'succeeded') this.#hasSucceeded();
    else if (!this.#hadReason(outcome))
      this.violated(`the outcome ${status} (${cause}) has no reason: ${outcome.message}`);
  }

  #hasSucceeded(): void {
    const { lastStep } = this.#given.plan;
    const { save } = this.engine.latest ?? { save: null };
    const done = this.#lives.filter(({ trainer }) => trainer.ended?.code === 0 && trainer.lastSave?.step === lastStep);
    if (done.length === 0) this.violated('the launch has succeeded, and no script has finished');
    if (!done.some(({ trainer }) => trainer.lastSave?.id === save?.id))
      this.violated(`the launch has succeeded, and a restore yields step ${save?.step} and not what was saved last`);
  }

  #hadReason({ cause, generation }: LaunchOutcome): boolean {
    const { maxCrashes, maxInterruptions } = this.#given.spec.policy;
    switch (cause) {
      case 'user-stop':
        return this.stopWantedMs !== null;
      case 'interruptions':
        return maxInterruptions !== null && (generation ?? 0) > maxInterruptions;
      case 'crashes':
        return this.#crashes.length > maxCrashes || this.#crashedTwice();
      case 'spawn-failed':
        return this.forbidden;
      default:
        return false;
    }
  }

  /** The same failure twice in a row, soon after the start. */
  #crashedTwice(): boolean {
    const { earlyFailureMs } = this.#given.spec.timing;
    return this.#crashes.some(({ failure, life }, index) => {
      const before = this.#crashes[index - 1];
      const early = (each: ScriptLife): boolean => (each.endedMs ?? 0) - each.startedMs < earlyFailureMs * 1.05;
      return before?.failure === failure && early(life) && early(before.life);
    });
  }

  /** Chunks follow each other without gap or overlap, and are what the scripts of the generation said, from the beginning. */
  async #logIsWhole(generation: number): Promise<void> {
    const said = Buffer.from(this.#said.get(generation) ?? '');
    let read = 0;
    for (const { key } of await listed(this.#given.s3.contents.list({ prefix: keys.logFolder(generation, 0) }))) {
      const offset = parseLogKey(`/${key}`)?.offset ?? -1;
      const bytes = gunzipSync(await this.#read(key));
      if (offset !== read) return this.violated(`the log of generation ${generation} has ${key} after ${read} bytes`);
      if (!bytes.equals(said.subarray(read, read + bytes.length)))
        return this.violated(`${key} holds what no script of generation ${generation} said there`);
      read += bytes.length;
    }
    const last = this.outcome?.document.generation === generation;
    const machine = this.#lives.findLast((life) => life.generation === generation)?.machine;
    const unhurried = machine?.notices.length === 0 && !machine.buttonPressed;
    if (last && unhurried && read < said.length)
      this.violated(`the log of generation ${generation} lacks its last ${said.length - read} bytes`);
  }

  #read(key: string): Promise<Uint8Array> {
    return readBytes(this.#given.s3.contents, key);
  }
}
