import { type Clock, type Log, messageOf } from '@runctl/core';
import type { LeaseKeeper, PassReport } from '@runctl/checkpoint';
import { type Timing, timestampOf } from '@runctl/protocol';
import type { Checkpoints } from '../../checkpoints/checkpoint-port.ts';
import { PassAccounts } from '../../checkpoints/pass-accounts.ts';
import { createPassLoop, type FinalPass, type PassLoop } from '../../checkpoints/pass-loop.ts';
import type { FitKeeper } from '../../fit/fit-keeper.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { ProgressReader } from '../../reporting/progress.ts';

export interface AttemptPassesParts {
  readonly checkpoints: Checkpoints;
  readonly lease: Pick<LeaseKeeper, 'trouble'>;
  readonly fit: Pick<FitKeeper, 'published'>;
  readonly progress: Pick<ProgressReader, 'read'>;
  readonly life: LifeState;
  readonly timing: Pick<Timing, 'settleMs' | 'refusedMs' | 'reportReserveMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The checkpoint passes of one attempt: while the workload runs, and after its end. */
export class AttemptPasses {
  readonly #parts: AttemptPassesParts;
  readonly #loop: PassLoop;
  #running: { readonly stop: () => void; readonly abort: () => void; readonly done: Promise<void> } | null = null;
  /** Wall time. */
  #sinceMs = Number.NEGATIVE_INFINITY;
  #last: PassReport | null = null;

  constructor(parts: AttemptPassesParts) {
    const { checkpoints, clock, lease, life, log, progress, timing } = parts;
    this.#parts = parts;
    const accounts = new PassAccounts({ warn: (line) => life.warn(line), log });
    this.#loop = createPassLoop({
      checkpoints,
      clock,
      log: log.child({ component: 'passes' }),
      settleMs: timing.settleMs,
      beforePass: () => progress.read(),
      leaseTrouble: () => lease.trouble(),
      refusedMs: timing.refusedMs,
      onPass: (report) => {
        this.#last = report;
        accounts.tell(report);
        this.#measure(report);
      },
    });
  }

  /** What the last pass reported; null before the first. */
  get last(): PassReport | null {
    return this.#last;
  }

  /** Takes a checkpoint soon. `wish`: the nonce of the wish that shall learn when it was seen through. */
  request(wish?: string): void {
    if (wish === undefined) return this.#loop.request();
    const { clock, life } = this.#parts;
    this.#loop.request((report) => {
      life.savedFor = { nonce: wish, at: timestampOf(clock.wallMs()), notDurable: [...report.notDurable] };
      life.touch();
    });
  }

  /** Takes a checkpoint soon; see `PassLoop.request`. */
  whenSettled(settled: (report: PassReport) => void): void {
    this.#loop.request(settled);
  }

  /** The machine goes away at this time (monotonic), and the report needs some of it. */
  hurry(haltAtMs: number): void {
    this.#loop.hurry(haltAtMs - this.#parts.timing.reportReserveMs);
  }

  /** Begins the passes beside a workload that runs since `sinceMs` (wall time). */
  begin(sinceMs: number): void {
    this.#sinceMs = sinceMs;
    const loop = new AbortController();
    const pass = new AbortController();
    const done = this.#loop.run({ loop: loop.signal, pass: pass.signal });
    this.#running = { stop: () => loop.abort(), abort: () => pass.abort(), done };
  }

  /** Begins no further pass; the one under way goes on. */
  stop(): void {
    this.#running?.stop();
  }

  /** Cuts the pass under way short too. */
  abort(): void {
    this.#running?.abort();
  }

  /** Resolves when no pass is under way beside the workload. */
  async settled(): Promise<void> {
    await this.#running?.done;
  }

  /** See `PassLoop.finish`. */
  async finish(final: FinalPass): Promise<PassReport | null> {
    this.#last = await this.#loop.finish(final);
    return this.#last;
  }

  #measure({ published }: PassReport): void {
    const { fit, life, log } = this.#parts;
    if (published === null) return;
    log.info({ step: published.step, seq: published.seq }, 'checkpoint durable');
    fit
      .published(published, this.#sinceMs)
      .then(() => life.touch())
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the save could not be measured'));
  }
}
