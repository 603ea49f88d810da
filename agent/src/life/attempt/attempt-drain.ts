import { type Clock, type Log, messageOf } from '@runctl/core';
import { stoppingText, type Timing } from '@runctl/protocol';
import type { StopBoard } from '../../driver/stop-board.ts';
import { drainNoteOf, type Journal, replaceFile } from '../../journal/journal.ts';
import type { AttemptState, Drain, SavingProgress, StopRequest } from '../../lifecycle/model.ts';
import { savingLimit } from '../../lifecycle/saving.ts';
import { adoptedDrain, DrainNotes } from '../../reporting/drain-notes.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { Supervisor } from '../../workload/supervisor/supervisor.ts';
import type { SaveWatch } from './save-watch.ts';

export interface AttemptDrainParts {
  readonly supervisor: Pick<Supervisor, 'signal' | 'stopping'>;
  readonly journal: Journal;
  readonly life: LifeState;
  readonly stops: Pick<StopBoard, 'seenMs' | 'standing'>;
  /** Where the script finds why it has to stop, and until when. */
  readonly preemptPath: string;
  readonly saves: SaveWatch;
  readonly timing: Pick<Timing, 'longestStopMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two lines about a save in the log. */
const SAVE_LINE_MS = 15_000;

/** The drain of one workload: its notes, and the signals that go to the workload. */
export class AttemptDrain {
  readonly #parts: AttemptDrainParts;
  #notes: DrainNotes | null = null;
  /** Monotonic: the end of the workload's time whatever it writes. */
  #limitAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: AttemptDrainParts) {
    this.#parts = parts;
  }

  /** Null as long as the workload was not told to stop. */
  get notes(): DrainNotes | null {
    return this.#notes;
  }

  forget(): void {
    this.#limitAtMs = Number.POSITIVE_INFINITY;
    this.#notes = null;
    this.#parts.life.stopping = null;
  }

  /**
   * Takes over the drain that an earlier agent began; null when none did. `stopNote` is what that agent handed to the
   * supervisor. Sends the signal again, which the supervisor delivers only to those who have not got it.
   */
  async adopt(stopNote: string | null): Promise<Drain | null> {
    const { journal, clock, saves, supervisor } = this.#parts;
    // The journal knows more, but an agent that died at once had no time to write it.
    const kept = journal.state.attempt?.drain ?? (stopNote === null ? null : drainNoteOf(stopNote));
    if (kept === null) return null;
    this.#notes = new DrainNotes(kept);
    const drain = adoptedDrain(kept, clock);
    this.#limitAtMs = this.#limitOf(drain);
    await supervisor.signal(kept.killed ? 'SIGKILL' : 'SIGTERM', JSON.stringify(kept), this.#withinMs());
    this.#noteCaught(this.#notes);
    if (drain.saving === null) return drain;
    const lastByteMs = await saves.lastByteMs(Date.parse(kept.termAt));
    const { couldSave, ...stopping } = supervisor.stopping();
    return { ...drain, saving: { ...drain.saving, ...stopping, canSave: couldSave, lastByteMs } };
  }

  /** Keeps the notes in step with a drain that begins, or whose deadlines moved. */
  follow(before: AttemptState, drain: Drain): void {
    const { journal, life, clock, log, timing } = this.#parts;
    const hasBegun = this.#notes !== null;
    this.#notes ??= this.#begin(drain);
    this.#notes.deadlines(drain, clock);
    const doing = drain.killed ? 'killing the workload' : 'letting the workload save and leave';
    life.enter('draining', `${doing} (${drain.cause})`);
    const isNearer = this.#limit(drain);
    // The signal that begins a drain says by itself how long the others wait.
    if (hasBegun && !drain.killed && isOthersTurn(before, drain)) this.#hurryOthers(0);
    else if (hasBegun && !drain.killed && isNearer) this.#hurryOthers(this.#withinMs());
    life.stopping = this.#notes.stopping(drain, timing.longestStopMs, clock);
    const isOld = before.phase === 'draining' && before.killed === drain.killed && drain.saving !== null;
    // What a restarted agent can see by itself need not be kept.
    if (before.phase === 'draining' && !(isOld && before.saving?.limitAtMs === drain.saving?.limitAtMs))
      journal
        .updateAttempt({ drain: this.#notes.forJournal() })
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'journal'));
  }

  /** Sends the signal, and writes down that it was sent. `readStep` reads where the training is. */
  async signal(signal: 'SIGTERM' | 'SIGKILL', readStep: () => Promise<number | null>): Promise<void> {
    const { journal, life, clock, preemptPath, stops, supervisor } = this.#parts;
    const notes = this.#notes;
    const warn = (problem: unknown): void => {
      life.warn(`the stop could not be written to this machine's disk: ${messageOf(problem)}`);
    };
    // A disk that is full keeps nobody from being told to stop, and one that is busy delays nobody.
    if (signal === 'SIGTERM' && notes !== null)
      await replaceFile(preemptPath, notes.forScript(), { mode: 0o644, sync: false }).catch(warn);
    if (signal === 'SIGTERM') notes?.termAt(clock.wallMs());
    if (signal === 'SIGKILL' && stops.standing.some(isHurry)) notes?.hurry();
    await supervisor.signal(signal, JSON.stringify(notes?.forJournal() ?? null), this.#withinMs());
    if (notes === null) return;
    this.#noteCaught(notes);
    await journal.updateAttempt({ drain: notes.forJournal() }).catch(warn);
    if (signal === 'SIGTERM') notes.stoppedAtStep(await readStep());
    await journal.updateAttempt({ drain: notes.forJournal() }).catch(warn);
  }

  /** See `AttemptActions`. */
  async followSaving(onProgress: (progress: SavingProgress) => void, signal: AbortSignal): Promise<void> {
    const { clock, life, log, saves } = this.#parts;
    const fromMs = this.#notes?.times().termMs ?? clock.wallMs();
    let toldMs = clock.monotonicMs();
    const onLook = (progress: SavingProgress): void => {
      onProgress(progress);
      if (clock.monotonicMs() - toldMs < SAVE_LINE_MS || life.stopping === null) return;
      toldMs = clock.monotonicMs();
      log.info({}, stoppingText(life.stopping, clock.wallMs()));
    };
    await saves.follow(fromMs, onLook, signal);
  }

  #noteCaught(notes: DrainNotes): void {
    const { couldSave } = this.#parts.supervisor.stopping();
    notes.caughtTerm(couldSave);
    this.#parts.life.workload.toldToStop(couldSave);
  }

  /** Half of the workload's time is for those who save, the other half for others who may. */
  #withinMs(): number {
    return Math.max(0, this.#limitAtMs - this.#parts.clock.monotonicMs()) / 2;
  }

  #limitOf({ saving, killAtMs }: Drain): number {
    return saving === null ? killAtMs : savingLimit(saving, this.#parts.timing);
  }

  /** Takes the end of the workload's time from a drain; true where that came nearer. */
  #limit(drain: Drain): boolean {
    const before = this.#limitAtMs;
    this.#limitAtMs = Math.min(before, this.#limitOf(drain));
    return this.#limitAtMs < before;
  }

  /** Whoever is to be told after those who save is told within `withinMs`. */
  #hurryOthers(withinMs: number): void {
    const { log, supervisor } = this.#parts;
    const note = JSON.stringify(this.#notes?.forJournal() ?? null);
    supervisor
      .signal('SIGTERM', note, withinMs)
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'others could not be told earlier'));
  }

  #begin(drain: Drain): DrainNotes {
    const { life, clock, stops } = this.#parts;
    const seenMs = stops.seenMs(drain.cause) ?? clock.monotonicMs();
    return DrainNotes.begin(drain, { seenMs, stepAtStop: life.lastStep, clock });
  }
}

/** Whether somebody asks that the workload ends at once. */
const isHurry = ({ cause, graceMs }: StopRequest): boolean => cause === 'user-stop' && graceMs === 0;

/** Whether the time of those who were told first is over, and that of the others begins. */
const isOthersTurn = (before: AttemptState, { saving }: Drain): boolean =>
  before.phase === 'draining' && before.saving?.toldAtMs === null && saving !== null && saving.toldAtMs !== null;
