import type { Clock, Log } from '@runctl/core';
import { type AttemptActions, type DoneSignals, driveAttempt, type FlushRequest } from '../../driver/attempt-driver.ts';
import type { StopBoard } from '../../driver/stop-board.ts';
import type {
  AttemptPolicy,
  AttemptState,
  Ending,
  FlushResult,
  SavingProgress,
  WorkloadExit,
} from '../../lifecycle/model.ts';
import type { AttemptBeginning } from './attempt-beginning.ts';
import type { AttemptEnding } from './attempt-ending.ts';
import type { AttemptFlush } from './attempt-flush.ts';
import type { AttemptWorkload } from './attempt-workload.ts';
import type { LastVerdict } from './report-attempt.ts';

export interface AttemptLifeParts {
  readonly beginning: AttemptBeginning;
  readonly workload: AttemptWorkload;
  readonly flush: AttemptFlush;
  readonly ending: AttemptEnding;
  /** See `AttemptActions`. */
  readonly done: AttemptActions['done'];
  /** See `AttemptActions`. */
  readonly onTransition: AttemptActions['onTransition'];
}

/** The rest that the attempt's driver takes. */
export interface AttemptDrive {
  readonly stops: StopBoard;
  readonly policy: AttemptPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs the workload of one generation here, again after crashes, and does what the attempt's driver asks for. */
export class AttemptLife implements AttemptActions {
  readonly #parts: AttemptLifeParts;
  readonly #drive: AttemptDrive;

  constructor(parts: AttemptLifeParts, drive: AttemptDrive) {
    this.#parts = parts;
    this.#drive = drive;
  }

  /** Resolves with the last verdict. Rejects only with the signal's reason, and the workload runs on then. */
  async live(signal: AbortSignal): Promise<LastVerdict> {
    const { ending, flush, workload } = this.#parts;
    const { clock, log, policy, stops } = this.#drive;
    for (;;) {
      ending.forget();
      workload.forget();
      const end = await driveAttempt({ actions: this, clock, log, policy, stops, signal }).finally(() =>
        flush.abortPasses(),
      );
      await flush.passesSettled();
      const verdict = ending.verdictOn(end.ending);
      if (verdict.next !== 'restart') return verdict;
      log.warn({ reason: verdict.message, afterMs: verdict.afterMs }, 'starting the workload again');
    }
  }

  async adopt(): ReturnType<AttemptActions['adopt']> {
    const { beginning, workload } = this.#parts;
    const answer = await workload.adopt();
    if (answer.adopted) beginning.adopt();
    return answer;
  }

  prepare(signal: AbortSignal): Promise<void> {
    return this.#parts.beginning.prepare(signal);
  }

  spawn(): Promise<void> {
    return this.#parts.beginning.spawn();
  }

  exited(signal: AbortSignal): Promise<WorkloadExit> {
    return this.#parts.workload.exited(signal);
  }

  done(watch: DoneSignals): Promise<void> {
    return this.#parts.done(watch);
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return this.#parts.workload.signal(signal);
  }

  followSaving(onProgress: (progress: SavingProgress) => void, signal: AbortSignal): Promise<void> {
    return this.#parts.workload.followSaving(onProgress, signal);
  }

  onTransition(before: AttemptState, after: AttemptState): void {
    this.#parts.onTransition(before, after);
  }

  sentWrites(): number {
    return this.#parts.flush.sentWrites();
  }

  flush(request: FlushRequest, signal: AbortSignal): Promise<boolean> {
    const { ending } = request;
    if (ending.killed && ending.exit === null) this.#parts.workload.nameSurvivors();
    return this.#parts.flush.run(request, this.#parts.workload.endedAtMs, signal);
  }

  report(ending: Ending, flush: FlushResult, signal: AbortSignal): Promise<void> {
    return this.#parts.ending.report(ending, flush, signal);
  }

  /** See `AttemptEnding`. */
  reportLate(signal: AbortSignal): Promise<void> {
    return this.#parts.ending.reportLate(signal);
  }
}
