import { messageOf } from '@runctl/core';
import { FORMAT_VERSION, timestampOf } from '@runctl/protocol';
import type { InterruptionWatcher, Notice } from '../host/interruptions.ts';
import type { LifeContext } from './attempt-context.ts';
import type { CurrentAttempt } from './current-attempt.ts';

type Parts = Pick<LifeContext, 'checkpoints' | 'documents' | 'facts' | 'journal' | 'life' | 'node' | 'ports' | 'stops'>;

/** Watches for interruptions of the machine: a notice becomes a stop, a risk becomes a checkpoint. */
export class InterruptionWatch {
  readonly #parts: Parts;
  readonly #current: CurrentAttempt;
  readonly #watcher: InterruptionWatcher;

  constructor(parts: Parts, current: CurrentAttempt) {
    const { facts, journal, life, ports } = parts;
    this.#parts = parts;
    this.#current = current;
    this.#watcher = ports.host.watch({
      clock: ports.clock,
      log: ports.log.child({ component: 'interruption' }),
      timing: facts.spec.timing,
      outlived: journal.state.outlivedNotice,
      events: {
        onNotice: (notice) => this.#onNotice(notice),
        onRisk: (what) => {
          life.warn(`${what}; taking a checkpoint`);
          current.requestPass();
        },
        onScheduledEvent: (what) => life.warn(what),
      },
    });
  }

  /** Watches until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#watcher.run(signal);
  }

  /** What is shown as a notice now has not come true, and is none any more. */
  async outliveNotice(): Promise<void> {
    this.#parts.checkpoints.publisher.calm();
    await this.#parts.journal.update({ outlivedNotice: await this.#watcher.outlive() });
  }

  #onNotice({ action, deadlineMs, firstSeenMs, windowMs }: Notice): void {
    const { facts, life, ports, stops } = this.#parts;
    life.notice = { action, deadlineMs };
    ports.log.warn({ action, windowMs }, 'notice');
    const { graceMs } = facts.spec.policy;
    stops.raise({ cause: 'notice', haltAtMs: deadlineMs, graceMs }, firstSeenMs);
    this.#current.hurry(deadlineMs);
    this.#writeDown(action, windowMs).catch((error: unknown) =>
      ports.log.warn({ error: messageOf(error) }, 'the notice could not be written down'),
    );
  }

  async #writeDown(action: string, windowMs: number): Promise<void> {
    const { checkpoints, documents, facts, journal, life, node, ports } = this.#parts;
    const generation = journal.state.attempt?.generation;
    if (generation === undefined) return;
    await documents.putNotice({
      version: FORMAT_VERSION,
      generation,
      node,
      launch: ports.config.launch,
      machineId: facts.identity.machineId,
      at: timestampOf(ports.clock.wallMs()),
      action,
      windowMs,
      step: life.lastStep,
      durableStep: checkpoints.publisher.durable()?.step ?? null,
    });
  }
}
