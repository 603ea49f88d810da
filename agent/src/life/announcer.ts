import { type Clock, type Log, messageOf } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import { createHeartbeat, type Heartbeat } from '../reporting/heartbeat.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { ControlSocket } from './control-socket.ts';
import type { OwnStatus } from './own-status.ts';

export interface AnnouncerParts {
  readonly status: Pick<OwnStatus, 'ofAttempt'>;
  readonly documents: Pick<RunDocuments, 'putStatus'>;
  readonly socket: ControlSocket;
  readonly life: Pick<LifeState, 'onChange'>;
  readonly timing: Pick<Timing, 'heartbeatMs' | 'reportReserveMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Reports how this machine is: to the bucket by heartbeat, to whoever asks at the control socket at once. */
export class Announcer {
  readonly #parts: AnnouncerParts;
  readonly #heartbeat: Heartbeat;

  constructor(parts: AnnouncerParts) {
    const { clock, documents, life, log, socket, status, timing } = parts;
    this.#parts = parts;
    this.#heartbeat = createHeartbeat({
      clock,
      log: log.child({ component: 'heartbeat' }),
      everyMs: timing.heartbeatMs,
      gather: () => status.ofAttempt(),
      publish: (status, signal) => documents.putStatus(status, signal),
      onBeat: (status) => socket.broadcast(status),
    });
    life.onChange(() => this.#heartbeat.soon());
  }

  /** Opens the control socket. Never rejects. */
  open(): Promise<void> {
    return this.#parts.socket.open();
  }

  /** Beats until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#heartbeat.run(signal);
  }

  /** Closes the control socket. Never rejects. */
  close(): Promise<void> {
    return this.#parts.socket.close();
  }

  /** Beats soon: something changed. */
  soon(): void {
    this.#heartbeat.soon();
  }

  /** Beats once more on this attempt, before others may take over. Tries for a moment only; never rejects. */
  async lastBeat(): Promise<void> {
    const { log, timing } = this.#parts;
    await this.#heartbeat
      .beat(AbortSignal.timeout(timing.reportReserveMs))
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the last status could not be published'));
  }
}
