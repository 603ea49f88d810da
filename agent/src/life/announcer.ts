import { messageOf } from '@runctl/core';
import type { AttemptStatus } from '@runctl/protocol';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { createHeartbeat, type Heartbeat } from '../reporting/heartbeat.ts';
import { statusOf, type WaitingFacts, waitingStatusOf } from '../reporting/status.ts';
import type { LifeContext } from './attempt-context.ts';
import type { CurrentAttempt } from './current-attempt.ts';
import type { Limits } from './limits.ts';

export interface Announced {
  readonly current: Pick<CurrentAttempt, 'logBytes'>;
  readonly limits: Pick<Limits, 'spentUsd' | 'budgetUsd'>;
}

/** Tells how this machine is: to the bucket by heartbeat, to whoever asks at the control socket at once. */
export class Announcer {
  readonly #context: LifeContext;
  readonly #announced: Announced;
  readonly #heartbeat: Heartbeat;
  #endpoint: Endpoint | null = null;

  constructor(context: LifeContext, announced: Announced) {
    const { documents, facts, life, ports } = context;
    this.#context = context;
    this.#announced = announced;
    this.#heartbeat = createHeartbeat({
      clock: ports.clock,
      log: ports.log.child({ component: 'heartbeat' }),
      everyMs: facts.spec.timing.heartbeatMs,
      gather: () => this.#gather(),
      publish: (status, signal) => documents.putStatus(status, signal),
      onBeat: (status) => this.#endpoint?.broadcast(status),
    });
    life.onChange(() => this.#heartbeat.soon());
  }

  /** Opens the control socket. Never rejects: without one the agent works as well. */
  async open(): Promise<void> {
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

  /** Beats until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#heartbeat.run(signal);
  }

  async close(): Promise<void> {
    await this.#endpoint?.close('the agent ends').catch(() => {});
  }

  /** A beat soon: something changed. */
  soon(): void {
    this.#heartbeat.soon();
  }

  /** The last word on this attempt, before others may take over. Tries for a moment only. */
  async lastBeat(): Promise<void> {
    const { facts, ports } = this.#context;
    await this.#heartbeat
      .beat(AbortSignal.timeout(facts.spec.timing.reportReserveMs))
      .catch((error: unknown) => ports.log.warn({ error: messageOf(error) }, 'the last status could not be published'));
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
    const { checkpoints, fit, journal, life } = this.#context;
    const { current, limits } = this.#announced;
    const { attempt } = journal.state;
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
      fit: fit.estimate(known.nowMs, uploads),
      spentUsd: limits.spentUsd(),
      limitUsd: limits.budgetUsd,
      interruptions: attempt.interruptions,
      crashes: attempt.earlierCrashes + attempt.crashes.length,
      logBytes: current.logBytes(),
    });
  }
}
