import type { Clock, Log } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { Host } from '../host/host.ts';
import type { InterruptionEvents, InterruptionWatcher } from '../host/interruptions.ts';
import type { Journal } from '../journal/journal.ts';

export interface InterruptionWatchParts {
  readonly host: Pick<Host, 'watch'>;
  readonly journal: Journal;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly events: InterruptionEvents;
  readonly timing: Timing;
  readonly clock: Clock;
  readonly log: Log;
}

/** Watches for interruptions of the machine, and knows the one that the machine has outlived. */
export class InterruptionWatch {
  readonly #parts: InterruptionWatchParts;
  readonly #watcher: InterruptionWatcher;

  constructor(parts: InterruptionWatchParts) {
    const { clock, events, host, journal, log, timing } = parts;
    this.#parts = parts;
    this.#watcher = host.watch({
      clock,
      log: log.child({ component: 'interruption' }),
      timing,
      outlived: journal.state.outlivedNotice,
      events,
    });
  }

  /** Watches until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#watcher.run(signal);
  }

  /** Discards the notice that is shown now: it has not come true. Rejects when the disk does not take that. */
  async outliveNotice(): Promise<void> {
    const { checkpoints, journal } = this.#parts;
    checkpoints.publisher.calm();
    await journal.update({ outlivedNotice: await this.#watcher.outlive() });
  }
}
