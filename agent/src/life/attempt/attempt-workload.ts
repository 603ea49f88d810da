import type { Clock, Log } from '@runctl/core';
import type { AttemptActions } from '../../driver/attempt-driver.ts';
import type { Journal } from '../../journal/journal.ts';
import type { SavingProgress, WorkloadExit } from '../../lifecycle/model.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { ProgressReader } from '../../reporting/progress.ts';
import type { Supervisor, WorkloadCommand } from '../../workload/supervisor/supervisor.ts';
import type { AttemptDrain } from './attempt-drain.ts';
import { isClean, noteCutOff, noteWorkload, warnOfSurvivors, warnOfUnkillable } from './workload-notes.ts';

export interface AttemptWorkloadParts {
  readonly supervisor: Supervisor;
  readonly journal: Journal;
  readonly life: LifeState;
  readonly progress: Pick<ProgressReader, 'read'>;
  readonly drain: AttemptDrain;
  readonly clock: Clock;
  readonly log: Log;
}

/** The workload of one attempt: adopted or started, told to stop, and ended. */
export class AttemptWorkload {
  readonly #parts: AttemptWorkloadParts;
  readonly #onRunning: (startedMs: number) => void;
  #exitMs: number | null = null;
  #endedAtMs: number | null = null;
  #markerUntilMs: number | null = null;
  #isAdopted = false;
  /** Monotonic: since when this agent kills it. */
  #killedMs: number | null = null;

  /** Calls `onRunning` when a workload runs here, with the wall time since when. */
  constructor(parts: AttemptWorkloadParts, onRunning: (startedMs: number) => void) {
    this.#parts = parts;
    this.#onRunning = onRunning;
  }

  /** Wall time of the end, or of when the end was noticed; null before that. */
  get exitMs(): number | null {
    return this.#exitMs;
  }

  /** Wall time of the end; null while that is unknown. */
  get endedAtMs(): number | null {
    return this.#endedAtMs;
  }

  /**
   * Wall time until which the done-marker is the training's own word: when it was told to stop, if others of the workload
   * outlived it. A shell whose training left with exit 0 goes on to its next line, `touch $RUNCTL_DONE_FILE` maybe, before it
   * hears of the stop itself. Null where any time will do.
   */
  get markerUntilMs(): number | null {
    return this.#markerUntilMs;
  }

  /** Whether an earlier agent has started it. */
  get isAdopted(): boolean {
    return this.#isAdopted;
  }

  /** How long the workload has run by the wall clock; 0 where it never started. */
  ranMs(): number {
    const { journal, clock } = this.#parts;
    const startedAt = journal.state.attempt?.workload?.startedAt;
    if (startedAt === undefined) return 0;
    return Math.max(0, Math.round((this.#exitMs ?? clock.wallMs()) - Date.parse(startedAt)));
  }

  /** See `AttemptActions`. */
  async adopt(): ReturnType<AttemptActions['adopt']> {
    const { drain, journal, life, supervisor } = this.#parts;
    const attempt = journal.state.attempt;
    life.enter('preparing', 'looking for a running workload');
    const adopted = await supervisor.adopt();
    // After a restart of the agent the workload may be one whose crash is in the journal already.
    const isJudged = adopted !== null && (attempt?.crashes ?? []).some((crash) => crash.workload === adopted.id);
    this.#isAdopted = adopted !== null && !isJudged;
    if (adopted !== null && !isJudged) {
      this.#running(adopted.pid, adopted.startedAtMs);
      await noteWorkload(this.#parts, adopted, adopted.startedAtMs);
      return { adopted: true, drain: await drain.adopt(adopted.stopNote) };
    }
    await supervisor.forget();
    await journal.updateAttempt({ workload: null, drain: null });
    return { adopted: false };
  }

  /** Rejects when nothing was started. */
  async start(command: WorkloadCommand): Promise<void> {
    const { clock, supervisor } = this.#parts;
    const started = await supervisor.start(command);
    const startedMs = clock.wallMs();
    this.#running(started.pid, startedMs);
    await noteWorkload(this.#parts, started, startedMs);
  }

  /** Resolves when the workload has ended. Rejects with the signal's reason only. */
  async exited(signal: AbortSignal): Promise<WorkloadExit> {
    const { drain, journal, life, clock, log, supervisor } = this.#parts;
    const ended = await supervisor.exited(signal);
    const { leftovers, outlived, unkillable, endedAtMs, saversEndedAtMs, othersWentOn, clockWasSet, ...exit } = ended;
    for (const { pid, command } of outlived)
      life.warn(`process ${pid} (${command.slice(0, 80)}) outlived the script and was ended`);
    warnOfUnkillable(life, unkillable);
    if (clockWasSet) life.warn("the machine's clock was set while the script ran: the age of its files is not known");
    this.#exitMs = saversEndedAtMs ?? endedAtMs ?? clock.wallMs();
    this.#markerUntilMs = othersWentOn ? (drain.notes?.times().termMs ?? null) : null;
    life.workload.ended();
    this.#endedAtMs = endedAtMs;
    life.pid = null;
    life.workingSinceMs = null;
    life.lastExit = exit;
    if (!isClean(exit, drain.notes !== null)) await noteCutOff(journal, { clockWasSet, log });
    await this.#readStep();
    log.info({ ...exit, leftovers }, 'the workload ended');
    return exit;
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (signal === 'SIGKILL') this.#killedMs ??= this.#parts.clock.monotonicMs();
    await this.#parts.drain.signal(signal, () => this.#readStep());
  }

  /** See `AttemptActions`. */
  followSaving(onProgress: (progress: SavingProgress) => void, signal: AbortSignal): Promise<void> {
    return this.#parts.drain.followSaving(onProgress, signal);
  }

  /** Names what lives on of a workload that was killed and not seen to end. */
  nameSurvivors(): void {
    const { clock, life, supervisor } = this.#parts;
    const nowMs = clock.monotonicMs();
    warnOfSurvivors(life, supervisor.survivors(), nowMs - (this.#killedMs ?? nowMs));
  }

  /** Forgets how the last workload ended, before the next one of the attempt. */
  forget(): void {
    this.#parts.drain.forget();
    this.#exitMs = null;
    this.#endedAtMs = null;
    this.#markerUntilMs = null;
    this.#isAdopted = false;
    this.#killedMs = null;
  }

  /** Reads and keeps the step that the training has reached; null while none is known. */
  async #readStep(): Promise<number | null> {
    const { life, progress } = this.#parts;
    life.lastStep = (await progress.read()).step ?? life.lastStep;
    return life.lastStep;
  }

  #running(pid: number, startedMs: number): void {
    const { life, supervisor } = this.#parts;
    life.pid = pid;
    life.workload.runs(() => supervisor.traits());
    life.workingSinceMs = startedMs;
    this.#onRunning(startedMs);
  }
}
