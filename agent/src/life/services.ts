import { messageOf } from '@runctl/core';
import { type AttemptStatus, type ControlDocument, FORMAT_VERSION, type Timing, timestampOf } from '@runctl/protocol';
import { createControlPoll } from '../endpoint/control-poll.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { stopHistory } from '../fit/stop-history.ts';
import { costUsd } from '../reporting/cost.ts';
import { createHeartbeat, type Heartbeat } from '../reporting/heartbeat.ts';
import { statusOf, type WaitingFacts, waitingStatusOf } from '../reporting/status.ts';
import type { InterruptionWatcher, Notice } from '../host/interruptions.ts';
import type { LogShipper } from '../reporting/shipper.ts';
import type { LifeContext } from './attempt-context.ts';
import type { AttemptLife } from './attempt-life.ts';

/**
 * When a launch whose validity ends in `leftMs` halts its attempt. A machine that lives past that time has a wall clock that
 * is wrong, or a longer life than it was told of: its workload gets the time of any other stop.
 */
export function haltInMs(leftMs: number, { userStopGraceMs, flushReserveMs, reportReserveMs }: Timing): number {
  return Math.max(leftMs, userStopGraceMs + flushReserveMs + reportReserveMs);
}

/** Earlier lives whose stops are looked at. */
const RECALLED_LIVES = 20;

export interface AttemptServices {
  readonly attempt: AttemptLife;
  readonly shipper: LogShipper;
  readonly generation: number;
  readonly signal: AbortSignal;
}

/** What goes on beside the workload: watching, listening, telling. None of it ends the agent. */
export class Services {
  readonly #context: LifeContext;
  readonly #watcher: InterruptionWatcher;
  readonly #heartbeat: Heartbeat;
  #endpoint: Endpoint | null = null;
  #current: AttemptServices | null = null;
  #logBytes = 0;
  #budgetUsd: number | null;

  constructor(context: LifeContext) {
    const { facts, life, ports } = context;
    this.#context = context;
    this.#budgetUsd = facts.spec.policy.budgetUsd;
    const { deadlineMarginMs, noticePollMs, noticeMs } = facts.spec.timing;
    this.#watcher = ports.host.watch({
      clock: ports.clock,
      log: ports.log.child({ component: 'interruption' }),
      timing: { deadlineMarginMs, noticeMs, pollMs: noticePollMs },
      outlived: context.journal.state.outlivedNotice,
      events: {
        onNotice: (notice) => this.#onNotice(notice),
        onRisk: (what) => {
          life.warn(`${what}; taking a checkpoint`);
          this.#current?.attempt.requestPass();
        },
        onScheduledEvent: (what) => life.warn(what),
      },
    });
    this.#heartbeat = createHeartbeat({
      clock: ports.clock,
      log: ports.log.child({ component: 'heartbeat' }),
      everyMs: facts.spec.timing.heartbeatMs,
      gather: () => this.#gather(),
      publish: (status, signal) => context.documents.putStatus(status, signal),
      onBeat: (status) => this.#endpoint?.broadcast(status),
    });
    life.onChange(() => this.#heartbeat.soon());
  }

  /** For the agent's whole life. Resolves soon after the signal fired; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { documents, facts, ports } = this.#context;
    await this.#open();
    const control = createControlPoll({
      documents,
      clock: ports.clock,
      log: ports.log.child({ component: 'control' }),
      launch: ports.config.launch,
      everyMs: facts.spec.timing.controlPollMs,
      obey: (wish) => this.#obey(wish),
    });
    await Promise.all([
      this.#watcher.run(signal),
      control.run(signal),
      this.#heartbeat.run(signal),
      this.#watchLimits(signal),
    ]);
    await this.#endpoint?.close('the agent ends').catch(() => {});
  }

  /** For one generation. Resolves soon after its signal fired; never rejects. */
  async runAttempt(current: AttemptServices): Promise<void> {
    const { checkpoints, lease, life, ports, stops } = this.#context;
    const { generation, shipper, signal } = current;
    this.#current = current;
    this.#heartbeat.soon();
    const fenced = (): void => {
      life.warn('another machine holds the lease by now: stopping, nothing more is published');
      stops.raise({ cause: 'fenced', haltAtMs: null, graceMs: 0 });
    };
    const cleanUp = checkpoints.cleanUp(generation, signal).catch((error: unknown) => {
      if (!signal.aborted)
        ports.log.warn({ error: messageOf(error) }, 'older generations could not be cleaned up after');
    });
    await Promise.all([
      shipper.run(signal),
      lease.run(signal, fenced).catch((error: unknown) => {
        ports.log.error({ error: messageOf(error) }, 'the lease is not renewed any more');
        fenced();
      }),
      cleanUp,
      this.#recallStops(generation, signal),
    ]);
    this.#logBytes = shipper.shippedBytes();
  }

  /** What earlier lives tell of how a stop goes. Without it the estimate begins anew. */
  async #recallStops(generation: number, signal: AbortSignal): Promise<void> {
    const { documents, fit, ports } = this.#context;
    try {
      fit.recall(await stopHistory(documents.earlierLives(generation, RECALLED_LIVES, signal)));
    } catch (error) {
      if (!signal.aborted) ports.log.warn({ error: messageOf(error) }, 'how earlier stops went could not be read');
    }
  }

  /** Resolves once the launch has an outcome, or when the signal fires. Never rejects. */
  async endOfLaunch(signal: AbortSignal): Promise<void> {
    const { documents, facts, ports } = this.#context;
    while (!signal.aborted) {
      await ports.clock.sleep(facts.spec.timing.controlPollMs, signal).catch(() => {});
      const outcome = signal.aborted ? null : await documents.launchOutcome(signal).catch(() => null);
      if (outcome !== null) return;
    }
  }

  /** What is shown as a notice now has not come true, and is none any more. */
  async outliveNotice(): Promise<void> {
    this.#context.checkpoints.publisher.calm();
    await this.#context.journal.update({ outlivedNotice: await this.#watcher.outlive() });
  }

  /** The last word on this attempt, before others may take over. Tries for a moment only. */
  async lastBeat(): Promise<void> {
    const { facts, ports } = this.#context;
    await this.#heartbeat
      .beat(AbortSignal.timeout(facts.spec.timing.reportReserveMs))
      .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'the last status could not be published'));
  }

  async #open(): Promise<void> {
    const { life, ports } = this.#context;
    try {
      this.#endpoint = await ports.openEndpoint({
        path: ports.paths.endpoint,
        logPath: ports.paths.log,
        run: ports.config.run,
        pid: ports.pid,
        clock: ports.clock,
        log: ports.log.child({ component: 'endpoint' }),
        status: async () => (await this.#gather()) ?? waitingStatusOf(this.#waitingFacts()),
        generation: () => life.generation ?? 0,
      });
    } catch (error) {
      life.warn(`the control socket could not be opened: ${messageOf(error)}`);
    }
  }

  #onNotice(notice: Notice): void {
    const { documents, facts, journal, life, node, ports, stops } = this.#context;
    const { firstSeenMs, deadlineMs, action, windowMs } = notice;
    life.notice = { action, deadlineMs };
    ports.log.warn({ action, windowMs }, 'notice');
    const { graceMs } = facts.spec.policy;
    stops.raise({ cause: 'notice', haltAtMs: deadlineMs, graceMs }, firstSeenMs);
    this.#current?.attempt.hurry(deadlineMs);
    const generation = journal.state.attempt?.generation;
    if (generation === undefined) return;
    documents
      .putNotice({
        version: FORMAT_VERSION,
        generation,
        node,
        launch: ports.config.launch,
        machineId: facts.identity.machineId,
        at: timestampOf(ports.clock.wallMs()),
        action,
        windowMs,
        step: life.lastStep,
        durableStep: this.#context.checkpoints.publisher.durable()?.step ?? null,
      })
      .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'the notice could not be written down'));
  }

  #obey(wish: ControlDocument): void {
    const { facts, life, stops } = this.#context;
    switch (wish.action) {
      case 'stop': {
        const usual = facts.spec.timing.userStopGraceMs;
        const graceMs = Math.min(usual, wish.args.graceMs ?? usual);
        stops.raise({ cause: 'user-stop', haltAtMs: null, graceMs });
        return;
      }
      case 'checkpoint':
        this.#current?.attempt.requestPass(wish.nonce);
        return;
      case 'budget':
        this.#budgetUsd = wish.args.budgetUsd;
        life.touch();
        return;
    }
  }

  /** Money and validity. Looked at with every heartbeat's period, since both move slowly. */
  async #watchLimits(signal: AbortSignal): Promise<void> {
    const { facts, ports, stops } = this.#context;
    const { timing } = facts.spec;
    const { heartbeatMs, userStopGraceMs: graceMs, validityMarginMs } = timing;
    const validUntilMs = facts.intent === null ? Number.POSITIVE_INFINITY : Date.parse(facts.intent.validUntil);
    const raised = new Set<string>();
    while (!signal.aborted) {
      const spentUsd = this.#spentUsd();
      if (this.#budgetUsd !== null && spentUsd !== null && spentUsd >= this.#budgetUsd && !raised.has('budget')) {
        raised.add('budget');
        stops.raise({ cause: 'budget', haltAtMs: null, graceMs });
      }
      if (ports.clock.wallMs() >= validUntilMs - validityMarginMs && !raised.has('deadline')) {
        raised.add('deadline');
        const leftMs = validUntilMs - ports.clock.wallMs() - timing.unhurriedReportMs;
        stops.raise({ cause: 'deadline', haltAtMs: ports.clock.monotonicMs() + haltInMs(leftMs, timing), graceMs });
      }
      await ports.clock.sleep(heartbeatMs, signal).catch(() => {});
    }
  }

  #spentUsd(): number | null {
    const { facts, journal, ports } = this.#context;
    const attempt = journal.state.attempt;
    if (attempt === null) return null;
    const own = costUsd(facts.pricePerHourUsd, ports.clock.wallMs() - Date.parse(attempt.paidSince));
    return own === null ? null : own + attempt.earlierSpentUsd;
  }

  #waitingFacts(): WaitingFacts {
    const { facts, lease, life, node, ports } = this.#context;
    return {
      run: ports.config.run,
      launch: ports.config.launch,
      node,
      identity: facts.identity,
      pricePerHourUsd: facts.pricePerHourUsd,
      nowWallMs: ports.clock.wallMs(),
      nowMs: ports.clock.monotonicMs(),
      life,
      lease: lease.view(),
    };
  }

  /** Null before there is an attempt. */
  async #gather(): Promise<AttemptStatus | null> {
    const { checkpoints, journal, life } = this.#context;
    const attempt = journal.state.attempt;
    if (attempt === null) return null;
    const progress = await this.#context.progress.read();
    const uploads = checkpoints.publisher.uploads();
    life.lastStep = progress.step ?? life.lastStep;
    const known = this.#waitingFacts();
    return statusOf({
      ...known,
      generation: attempt.generation,
      progress,
      durable: checkpoints.publisher.durable(),
      uploads,
      fit: this.#context.fit.estimate(known.nowMs, uploads),
      spentUsd: this.#spentUsd(),
      limitUsd: this.#budgetUsd,
      interruptions: attempt.interruptions,
      crashes: attempt.earlierCrashes + attempt.crashes.length,
      logBytes: this.#current?.shipper.shippedBytes() ?? this.#logBytes,
    });
  }
}
