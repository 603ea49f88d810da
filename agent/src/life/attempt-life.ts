import { existsSync } from 'node:fs';
import { messageOf } from '@runctl/core';
import { timestampOf } from '@runctl/protocol';
import type { PassReport } from '@runctl/checkpoint';
import { createPassLoop, type PassLoop } from '../checkpoints/pass-loop.ts';
import { type AttemptActions, driveAttempt, type FlushRequest } from '../driver/attempt-driver.ts';
import { drainNoteOf, replaceFile } from '../journal/journal.ts';
import type { AttemptState, Drain, Ending, FlushResult, WorkloadExit } from '../lifecycle/model.ts';
import { type LogShipper, shipRest } from '../reporting/shipper.ts';
import { prepareWorkload, type Prepared } from '../preparation/prepare.ts';
import { crashOf, judge, type Verdict } from '../recovery/verdict.ts';
import { workloadCommand, workloadEnvironment } from '../workload/environment.ts';
import type { LifeContext } from './attempt-context.ts';
import { PassAccounts } from '../checkpoints/pass-accounts.ts';
import { mayHaveSaved, unsavedAfter, unsavedOf } from '../reporting/unsaved.ts';
import { showBucketWait } from '../reporting/bucket-wait.ts';
import { attemptPolicy } from '../lifecycle/windows.ts';
import { adoptedDrain, DrainNotes } from '../reporting/drain-notes.ts';
import { isClean, noteCutOff, noteWorkload } from './workload-notes.ts';
import { type AttemptReport, reportAttempt } from './report-attempt.ts';
import { reportStart } from './report-start.ts';

/** What follows once there is no more to do in this generation on this machine. */
export type LastVerdict = Exclude<Verdict, { next: 'restart' }>;

/** One generation on this machine: the workload, started again after crashes, until a verdict ends it. */
export class AttemptLife implements AttemptActions {
  readonly #context: LifeContext;
  readonly #shipper: LogShipper;
  readonly #passes: PassLoop;
  #drain: DrainNotes | null = null;
  #passing: { readonly stop: () => void; readonly abort: () => void; readonly done: Promise<void> } | null = null;
  #prepared: Prepared | null = null;
  #exitMs: number | null = null;
  /** Null while it is not known when the workload ended. */
  #endedAtMs: number | null = null;
  #lastPass: PassReport | null = null;
  #unsaved: string | null = null;
  /** Settles when the flush is over, at the latest soon after its deadline cut it off. */
  #flushing: Promise<unknown> = Promise.resolve();
  #flushMs: number | null = null;
  /** Wall time. */
  #runningSinceMs = Number.NEGATIVE_INFINITY;
  #verdict: Verdict | null = null;
  #unreported: AttemptReport | null = null;

  constructor(context: LifeContext, shipper: LogShipper) {
    const { checkpoints, facts, life, ports } = context;
    this.#context = context;
    this.#shipper = shipper;
    const accounts = new PassAccounts({ warn: (line) => life.warn(line), log: ports.log });
    this.#passes = createPassLoop({
      checkpoints,
      clock: ports.clock,
      log: ports.log.child({ component: 'passes' }),
      settleMs: facts.spec.timing.settleMs,
      beforePass: () => context.progress.read(),
      leaseTrouble: () => context.lease.trouble(),
      refusedMs: facts.spec.timing.refusedMs,
      onPass: (report) => {
        this.#lastPass = report;
        accounts.tell(report);
        if (report.published === null) return;
        ports.log.info({ step: report.published.step, seq: report.published.seq }, 'checkpoint durable');
        context.fit
          .published(report.published, this.#runningSinceMs)
          .then(() => life.touch())
          .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'the save could not be measured'));
      },
    });
  }

  /** `wish`: the nonce of the wish that shall learn when it was seen through. */
  requestPass(wish?: string): void {
    if (wish === undefined) return this.#passes.request();
    const { ports, life } = this.#context;
    this.#passes.request((report) => {
      life.savedFor = { nonce: wish, at: timestampOf(ports.clock.wallMs()), notDurable: [...report.notDurable] };
      life.touch();
    });
  }

  /** The machine goes away at this time (monotonic), and the report needs some of it. */
  hurry(haltAtMs: number): void {
    this.#passes.hurry(haltAtMs - this.#context.facts.spec.timing.reportReserveMs);
  }

  /** Rejects only with the signal's reason, and then leaves the workload as it is. */
  async live(signal: AbortSignal): Promise<LastVerdict> {
    const { facts, ports, stops } = this.#context;
    const { clock, log } = ports;
    for (;;) {
      this.#verdict = null;
      this.#unsaved = null;
      this.#drain = null;
      this.#exitMs = null;
      this.#endedAtMs = null;
      const policy = attemptPolicy(facts.spec.timing);
      const { ending } = await driveAttempt({ actions: this, clock, log, policy, stops, signal }).finally(() =>
        this.#passing?.abort(),
      );
      await this.#passing?.done;
      const verdict: Verdict = this.#verdict ?? this.#judge(ending);
      if (verdict.next !== 'restart') return verdict;
      ports.log.warn({ reason: verdict.message, afterMs: verdict.afterMs }, 'starting the workload again');
    }
  }

  async look(): ReturnType<AttemptActions['look']> {
    const { journal, life, supervisor } = this.#context;
    const attempt = journal.state.attempt;
    life.enter('preparing', 'looking for a running workload');
    const found = await supervisor.adopt();
    const judged = found !== null && (attempt?.crashes ?? []).some((crash) => crash.workload === found.id);
    if (found !== null && !judged) {
      this.#running(found.pid, found.startedAtMs);
      await noteWorkload(this.#context, found, found.startedAtMs);
      // The journal knows more, but an agent that died at once had no time to write it.
      const drain = attempt?.drain ?? (found.told === null ? null : drainNoteOf(found.told));
      if (drain === null) return { adopted: true, drain: null };
      this.#drain = new DrainNotes(drain);
      await supervisor.signal(drain.killed ? 'SIGKILL' : 'SIGTERM', JSON.stringify(drain));
      return { adopted: true, drain: adoptedDrain(drain, this.#context.ports.clock) };
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
    if (!isClean(exit, this.#drain !== null)) await noteCutOff(journal, { clockWasSet, log: ports.log });
    await this.#look();
    ports.log.info({ ...exit, leftovers }, 'the workload ended');
    return exit;
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { journal, life, ports, supervisor } = this.#context;
    const drain = this.#drain;
    const noted = (problem: unknown): void => {
      life.warn(`the stop could not be written to this machine's disk: ${messageOf(problem)}`);
    };
    // A disk that is full keeps nobody from being told to stop, and one that is busy delays nobody.
    if (signal === 'SIGTERM' && drain !== null)
      await replaceFile(ports.paths.preempt, drain.forScript(), { mode: 0o644, sync: false }).catch(noted);
    if (signal === 'SIGTERM') drain?.termAt(ports.clock.wallMs());
    await supervisor.signal(signal, JSON.stringify(drain?.forJournal() ?? null));
    if (drain === null) return;
    await journal.updateAttempt({ drain: drain.forJournal() }).catch(noted);
    if (signal === 'SIGTERM') drain.stoppedAtStep(await this.#look());
    await journal.updateAttempt({ drain: drain.forJournal() }).catch(noted);
  }

  onTransition(before: AttemptState, after: AttemptState): void {
    const { life } = this.#context;
    if (after.phase === 'running') life.enter('running', 'training');
    if (after.phase !== before.phase) {
      const { priority } = this.#context.ports;
      if (after.phase === 'running') priority.background();
      else priority.normal();
    }
    if (after.phase !== 'draining') return;
    this.#drain ??= this.#newDrain(after);
    this.#drain.deadlines(after, this.#context.ports.clock);
    const doing = after.killed ? 'killing the workload' : 'letting the workload save and leave';
    life.enter('draining', `${doing} (${after.cause})`);
    if (before.phase === 'draining')
      this.#context.journal
        .updateAttempt({ drain: this.#drain.forJournal() })
        .catch((error: unknown) => this.#context.ports.log.warn({ error: messageOf(error) }, 'journal'));
  }

  sentWrites(): number {
    return this.#context.ports.traffic.writes;
  }

  async flush({ ending, deadlineMs }: FlushRequest, signal: AbortSignal): Promise<boolean> {
    const { facts, ports } = this.#context;
    const startedMs = ports.clock.monotonicMs();
    const shown = new AbortController();
    this.#showBucketWait(AbortSignal.any([signal, shown.signal])).catch(() => {});
    const publishes = mayHaveSaved(ending);
    // What is on its way may be the newest checkpoint already: the last pass waits for it, or aborts it for a newer one.
    if (publishes) this.#passing?.stop();
    else this.#passing?.abort();
    signal.addEventListener('abort', () => this.#passing?.abort(), { once: true });
    const giveUpMs = deadlineMs === null ? facts.spec.timing.refusedMs : null;
    const flushing = Promise.all([
      publishes ? this.#finalPass({ ending, deadlineMs }, signal) : null,
      shipRest(this.#shipper, { clock: ports.clock, log: ports.log, signal, giveUpMs }),
    ]);
    this.#flushing = flushing.catch(() => {});
    const [report, shipped] = await flushing.finally(() => shown.abort());
    this.#flushMs = Math.round(ports.clock.monotonicMs() - startedMs);
    // Whatever is still on its way became part of nothing, and is billed until somebody aborts it.
    const ended = this.#context.checkpoints.publisher.end();
    if (deadlineMs === null) await ended;
    return shipped && (!publishes || unsavedOf(report) === null);
  }

  async report(ending: Ending, flush: FlushResult, signal: AbortSignal): Promise<void> {
    const { facts: known, journal, life, ports } = this.#context;
    life.enter('reporting', 'writing down how it ended');
    // What the deadline cut off says in a moment which checkpoint it could not bring.
    const moment = ports.clock.sleep(known.spec.timing.reportReserveMs / 4, signal).catch(() => {});
    const unlooked = await Promise.race([this.#flushing.then(() => false), moment.then(() => true)]);
    this.#unsaved = unsavedAfter({ ending, flush, lastPass: this.#lastPass, unlooked });
    const verdict = this.#judge(ending);
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
      drain: this.#drain,
      exitMs: this.#exitMs,
      flushMs: this.#flushMs,
      lastPass: this.#lastPass,
      unsaved: this.#unsaved,
      unlooked,
      ranMs: this.#ranMs(),
      logBytes: this.#shipper.shippedBytes(),
    };
    this.#unreported = facts;
    await reportAttempt(this.#context, facts, signal);
    this.#unreported = null;
  }

  /** Where the deadline came before the report and the machine lives on all the same: says now what happened. */
  async reportLate(signal: AbortSignal): Promise<void> {
    if (this.#unreported !== null) await reportAttempt(this.#context, this.#unreported, signal);
  }

  /** Where the training is, now. */
  async #look(): Promise<number | null> {
    const { life, progress } = this.#context;
    life.lastStep = (await progress.read()).step ?? life.lastStep;
    return life.lastStep;
  }

  #running(pid: number, startedMs: number): void {
    const { life } = this.#context;
    life.pid = pid;
    life.workingSinceMs = startedMs;
    this.#runningSinceMs = startedMs;
    const loop = new AbortController();
    const pass = new AbortController();
    const done = this.#passes.run({ loop: loop.signal, pass: pass.signal });
    this.#passing = { stop: () => loop.abort(), abort: () => pass.abort(), done };
  }

  #newDrain(drain: Drain): DrainNotes {
    const { clock } = this.#context.ports;
    const seenMs = this.#context.stops.seenMs(drain.cause) ?? clock.monotonicMs();
    return DrainNotes.begin(drain, { seenMs, stepAtStop: this.#context.life.lastStep, clock });
  }

  #showBucketWait(signal: AbortSignal): Promise<void> {
    const { facts, lease, life, ports } = this.#context;
    return showBucketWait(
      {
        clock: ports.clock,
        log: ports.log,
        life,
        doing: 'making the last checkpoint and the log durable',
        trouble: () => ports.traffic.trouble ?? lease.trouble(),
        pricePerHourUsd: facts.pricePerHourUsd,
        everyMs: facts.spec.timing.heartbeatMs,
      },
      signal,
    );
  }

  async #finalPass({ ending, deadlineMs }: FlushRequest, signal: AbortSignal): Promise<PassReport | null> {
    // Where nobody saw the end, no file was untouched before it: only its structure can prove it whole then.
    const atMs = this.#endedAtMs ?? Number.NEGATIVE_INFINITY;
    const clean = ending.exit !== null && isClean(ending.exit, ending.cause !== 'exited');
    const deadline = deadlineMs === null ? {} : { deadlineMs };
    const report = await this.#passes.finish({ ended: { clean, atMs }, signal, ...deadline });
    this.#lastPass = report;
    return report;
  }

  #ranMs(): number {
    const { journal, ports } = this.#context;
    const startedAt = journal.state.attempt?.workload?.startedAt;
    if (startedAt === undefined) return 0;
    return Math.max(0, Math.round((this.#exitMs ?? ports.clock.wallMs()) - Date.parse(startedAt)));
  }

  #judge(ending: Ending): Verdict {
    const { facts, journal, ports, stops } = this.#context;
    const attempt = journal.state.attempt;
    const { maxCrashes, maxInterruptions } = facts.spec.policy;
    const { crashBackoffMs, earlyFailureMs } = facts.spec.timing;
    return judge(ending, {
      done: existsSync(ports.paths.done),
      unsaved: this.#unsaved,
      interruption: stops.interruption,
      ranMs: this.#ranMs(),
      crashes: attempt?.crashes ?? [],
      earlierCrashes: attempt?.earlierCrashes ?? 0,
      interruptions: attempt?.interruptions ?? 0,
      policy: { maxCrashes, maxInterruptions, crashBackoffMs, earlyFailureMs },
    });
  }
}
