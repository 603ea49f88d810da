import { type Clock, type Log, messageOf } from '@runctl/core';
import type { AgentStatus, AttemptStatus } from '@runctl/protocol';
import type { Endpoint, OpenEndpoint } from '../endpoint/endpoint.ts';
import type { LifeState } from '../reporting/life-state.ts';

export interface ControlSocketParts {
  readonly openEndpoint: OpenEndpoint;
  /** Where others on this machine find the socket, and the log that it shows. */
  readonly paths: { readonly endpoint: string; readonly log: string };
  readonly process: { readonly run: string; readonly pid: number };
  readonly life: LifeState;
  readonly status: () => Promise<AgentStatus>;
  readonly clock: Clock;
  readonly log: Log;
}

/** The control socket of this machine. Without one the agent works as well. */
export class ControlSocket {
  readonly #parts: ControlSocketParts;
  #endpoint: Endpoint | null = null;

  constructor(parts: ControlSocketParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async open(): Promise<void> {
    const { clock, life, log, openEndpoint, paths, process, status } = this.#parts;
    try {
      this.#endpoint = await openEndpoint({
        path: paths.endpoint,
        logPath: paths.log,
        ...process,
        clock,
        log: log.child({ component: 'endpoint' }),
        status,
        generation: () => life.generation ?? 0,
      });
    } catch (error) {
      life.warn(`the control socket could not be opened: ${messageOf(error)}`);
    }
  }

  /** Sends a heartbeat to whoever is connected. */
  broadcast(status: AttemptStatus): void {
    this.#endpoint?.broadcast(status);
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#endpoint?.close('the agent ends').catch(() => {});
  }
}
