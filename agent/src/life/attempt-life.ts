import { timestampOf } from '@runctl/protocol';
import type { PassReport } from '@runctl/checkpoint';
import { type AttemptActions, driveAttempt, type FlushRequest } from '../driver/attempt-driver.ts';
import type { AttemptState, Ending, FlushResult, WorkloadExit } from '../lifecycle/model.ts';
import { type LogShipper, shipRest } from '../reporting/shipper.ts';
import { prepareWorkload, type Prepared } from '../preparation/prepare.ts';
import { type AttemptVerdict, crashOf } from '../recovery/verdict.ts';
import { workloadCommand, workloadEnvironment } from '../workload/environment.ts';
import type { LifeContext } from './attempt-context.ts';
import { AttemptDrain } from './attempt-drain.ts';
import { AttemptPasses } from './attempt-passes.ts';
import { attemptVerdict, ranUntil } from './attempt-verdict.ts';
import { showFlush } from './flush-wait.ts';
import { mayHaveSaved, unsavedAfter, unsavedOf } from '../reporting/unsaved.ts';
import { attemptPolicy } from '../lifecycle/windows.ts';
import { isClean, noteCutOff, noteWorkload } from './workload-notes.ts';
import { type AttemptReport, reportAttempt } from './report-attempt.ts';
import { reportStart } from './report-start.ts';

/** The verdict that ends a generation on this machine; after `restart` the generation goes on. */
export type LastVerdict = Exclude<AttemptVerdict, { next: 'restart' }>;

/** Runs the workload of one generation here, again after crashes, and does what the attempt's driver asks for. */
export class AttemptLife implements AttemptActions {
  readonly #context: LifeContext;
  readonly #shipper: LogShipper;
  readonly #passes: AttemptPasses;
  readonly #drain: AttemptDrain;
  #prepared: Prepared | null = null;
  #exitMs: number | null = null;
  /** Wall time of the workload's end; null while that is unknown, and `#exitMs` is when the end was noticed. */
  #endedAtMs: number | null = null;
  #unsaved: string | null = null;
  /** Settles when the flush is over, at the latest soon after its deadline has aborted it. */
  #flushing: Promise<unknown> = Promise.resolve();
  #flushMs: number | null = null;
  #verdict: AttemptVerdict | null = null;
  #unreported: AttemptReport | null = null;

  constructor(context: LifeContext, shipper: LogShipper) {
    this.#context = context;
    this.#shipper = shipper;
    this.#passes = new AttemptPasses(context);
    this.#drain = new AttemptDrain(context);
  }

  /** `AttemptPasses` describes both `requestPass` and `hurry`. */
  requestPass(wish?: string): void {
    this.#passes.request(wish);
  }

  hurry(haltAtMs: number): void {
    this.#passes.hurry(haltAtMs);
  }

  /** Resolves with the last verdict. Rejects only with the signal's reason, and the workload runs on then. */
  async live(signal: AbortSignal): Promise<LastVerdict> {
    const { facts, ports, stops } = this.#context;
    const { clock, log } = ports;
    for (;;) {
      this.#verdict = null;
      this.#unsaved = null;
      this.#drain.forget();
      this.#exitMs = null;
      this.#endedAtMs = null;
      const policy = attemptPolicy(facts.spec.timing);
      const { ending } = await driveAttempt({ actions: this, clock, log, policy, stops, signal }).finally(() =>
        this.#passes.abort(),
      );
      await this.#passes.settled();
      const verdict: AttemptVerdict = this.#verdict ?? this.#verdictOn(ending);
      if (verdict.next !== 'restart') return verdict;
      ports.log.warn({ reason: verdict.message, afterMs: verdict.afterMs }, 'starting the workload again');
    }
  }

  async look(): ReturnType<AttemptActions['look']> {
    const { journal, life, supervisor } = this.#context;
    const attempt = journal.state.attempt;
    life.enter('preparing', 'looking for a running workload');
    const found = await supervisor.adopt();
    // After a restart of the agent the workload may be one whose crash is in the journal already.
    const judged = found !== null && (attempt?.crashes ?? []).some((crash) => crash.workload === found.id);
    if (found !== null && !judged) {
      this.#running(found.pid, found.startedAtMs);
      await noteWorkload(this.#context, found, found.startedAtMs);
      return { adopted: true, drain: await this.#drain.adopt(found.stopNote) };
    }
    await supervisor.forget();
    await journal.updateAttempt({ workload: null, drain: null });
    return { adopted: false };
  }

  async prepare(signal: AbortSignal): Promise<void> {
    this.#context.life.enter('preparing', 'preparing the workload');
    this.#prepared = await prepareWorkload(this.#context, signal);
  }

  async spawn(): Promise<void> {
    const { facts, folders, journal, life, ports, supervisor } = this.#context;
    const prepared = this.#prepared;
    if (prepared === null) throw new Error('the workload was not prepared');
    life.enter('preparing', 'starting the workload');
    const environment = workloadEnvironment(ports.inheritedEnvironment, {
      spec: facts.spec,
      generation: journal.state.attempt?.generation ?? 1,
      node: this.#context.node,
      checkpointDir: folders.checkpoint,
      resumeFrom: prepared.resumeFrom,
      preemptFile: ports.paths.preempt,
      progressFile: ports.paths.progress,
      doneFile: ports.paths.done,
      account: ports.account,
      longestStopMs: facts.spec.timing.longestStopMs,
    });
    const command = workloadCommand(facts.spec, prepared.resumeFrom);
    const { id, pid } = await supervisor.start({ command, folder: folders.code, environment });
    const startedMs = ports.clock.wallMs();
    this.#running(pid, startedMs);
    await noteWorkload(this.#context, { id, pid }, startedMs);
    reportStart(this.#context, prepared).catch(() => {});
  }

  async exited(signal: AbortSignal): Promise<WorkloadExit> {
    const { journal, life, ports, supervisor } = this.#context;
    const { leftovers, endedAtMs, clockWasSet, ...exit } = await supervisor.exited(signal);
    if (clockWasSet) life.warn("the machine's clock was set while the script ran: the age of its files is not known");
    this.#exitMs = endedAtMs ?? ports.clock.wallMs();
    this.#endedAtMs = endedAtMs;
    life.pid = null;
    life.workingSinceMs = null;
    life.lastExit = exit;
    if (!isClean(exit, this.#drain.notes !== null)) await noteCutOff(journal, { clockWasSet, log: ports.log });
    await this.#look();
    ports.log.info({ ...exit, leftovers }, 'the workload ended');
    return exit;
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#drain.signal(signal, () => this.#look());
  }

  onTransition(before: AttemptState, after: AttemptState): void {
    const { life } = this.#context;
    if (after.phase === 'running') life.enter('running', 'training');
    if (after.phase !== before.phase) {
      const { priority } = this.#context.ports;
      if (after.phase === 'running') priority.background();
      else priority.normal();
    }
    if (after.phase === 'draining') this.#drain.follow(before, after);
  }

  sentWrites(): number {
    return this.#context.ports.traffic.writes;
  }

  async flush({ ending, deadlineMs }: FlushRequest, signal: AbortSignal): Promise<boolean> {
    const { facts, ports } = this.#context;
    const startedMs = ports.clock.monotonicMs();
    const shown = new AbortController();
    showFlush(this.#context, AbortSignal.any([signal, shown.signal])).catch(() => {});
    const publishes = mayHaveSaved(ending);
    // The pass under way may upload the newest checkpoint: the final pass waits for it, or aborts it for a newer one.
    if (publishes) this.#passes.stop();
    else this.#passes.abort();
    signal.addEventListener('abort', () => this.#passes.abort(), { once: true });
    const giveUpMs = deadlineMs === null ? facts.spec.timing.refusedMs : null;
    const flushing = Promise.all([
      publishes ? this.#finalPass({ ending, deadlineMs }, signal) : null,
      shipRest(this.#shipper, { clock: ports.clock, log: ports.log, signal, giveUpMs }),
    ]);
    this.#flushing = flushing.catch(() => {});
    const [report, shipped] = await flushing.finally(() => shown.abort());
    this.#flushMs = Math.round(ports.clock.monotonicMs() - startedMs);
    // Uploads that are still unfinished belong to no checkpoint, and are billed until they are aborted.
    const ended = this.#context.checkpoints.publisher.end();
    if (deadlineMs === null) await ended;
    return shipped && (!publishes || unsavedOf(report) === null);
  }

  async report(ending: Ending, flush: FlushResult, signal: AbortSignal): Promise<void> {
    const { facts: known, journal, life, ports } = this.#context;
    life.enter('reporting', 'writing down how it ended');
    // A flush that its deadline has aborted needs a moment to say which checkpoint it leaves behind.
    const moment = ports.clock.sleep(known.spec.timing.reportReserveMs / 4, signal).catch(() => {});
    const unlooked = await Promise.race([this.#flushing.then(() => false), moment.then(() => true)]);
    this.#unsaved = unsavedAfter({ ending, flush, lastPass: this.#passes.last, unlooked });
    const verdict = this.#verdictOn(ending);
    this.#verdict = verdict;
    const attempt = journal.state.attempt;
    const crash = crashOf(ending, this.#ranMs());
    if (attempt !== null && crash !== null && verdict.next === 'restart')
      await journal.updateAttempt({
        crashes: [...attempt.crashes, { ...crash, workload: attempt.workload?.id ?? null }],
        backoffUntil: timestampOf(ports.clock.wallMs() + verdict.afterMs),
      });
    const facts = {
      ending,
      flush,
      verdict,
      drain: this.#drain.notes,
      exitMs: this.#exitMs,
      flushMs: this.#flushMs,
      lastPass: this.#passes.last,
      unsaved: this.#unsaved,
      unlooked,
      ranMs: this.#ranMs(),
      logBytes: this.#shipper.shippedBytes(),
    };
    this.#unreported = facts;
    await reportAttempt(this.#context, facts, signal);
    this.#unreported = null;
  }

  /** Writes the report that the deadline cut off, if the machine lives on. Rejects as `reportAttempt` does. */
  async reportLate(signal: AbortSignal): Promise<void> {
    if (this.#unreported !== null) await reportAttempt(this.#context, this.#unreported, signal);
  }

  /** Reads and keeps the step that the training has reached; null while none is known. */
  async #look(): Promise<number | null> {
    const { life, progress } = this.#context;
    life.lastStep = (await progress.read()).step ?? life.lastStep;
    return life.lastStep;
  }

  #running(pid: number, startedMs: number): void {
    const { life } = this.#context;
    life.pid = pid;
    life.workingSinceMs = startedMs;
    this.#passes.begin(startedMs);
  }

  #finalPass({ ending, deadlineMs }: FlushRequest, signal: AbortSignal): Promise<PassReport | null> {
    // When nobody saw the end, no file counts as still before it, so that only structure can prove a file whole.
    const atMs = this.#endedAtMs ?? Number.NEGATIVE_INFINITY;
    const clean = ending.exit !== null && isClean(ending.exit, ending.cause !== 'exited');
    const deadline = deadlineMs === null ? {} : { deadlineMs };
    return this.#passes.finish({ ended: { clean, atMs }, signal, ...deadline });
  }

  #ranMs(): number {
    return ranUntil(this.#context, this.#exitMs ?? this.#context.ports.clock.wallMs());
  }

  #verdictOn(ending: Ending): AttemptVerdict {
    return attemptVerdict(this.#context, { ending, unsaved: this.#unsaved, ranMs: this.#ranMs() });
  }
}
