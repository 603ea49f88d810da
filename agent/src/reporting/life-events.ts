import { stat } from 'node:fs/promises';
import { type Log, messageOf } from '@runctl/core';
import type { LifeEvent } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import { documentHead, type HeadParts } from './document-head.ts';
import type { LifeState } from './life-state.ts';
import type { RunDocuments } from './run-documents.ts';

export interface LifeEventsParts extends HeadParts {
  readonly documents: Pick<RunDocuments, 'putLifeEvent' | 'lastLifeEvent'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly life: Pick<LifeState, 'lastStep'>;
  /** Whose length says where in the log an event happened. */
  readonly paths: { readonly log: string };
  readonly log: Log;
}

/** What happened, for people, and what of its numbers differs from the present ones. */
export type LifeNews = Pick<LifeEvent, 'kind' | 'message'> &
  Partial<Pick<LifeEvent, 'step' | 'exitCode' | 'signal' | 'at'>>;

const RETRY_MS = 500;

/** Appends to the bucket what happens within one generation on this machine, in order. */
export class LifeEvents {
  readonly #parts: LifeEventsParts;
  #waiting: readonly LifeEvent[] = [];
  #next: number | null = null;
  #turn: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(parts: LifeEventsParts) {
    this.#parts = parts;
  }

  /** Notes an event, to be written by `run` or the next `pass`. Never rejects. */
  async append(news: LifeNews): Promise<void> {
    const { checkpoints, life, paths } = this.#parts;
    const head = documentHead(this.#parts);
    const { step = life.lastStep, exitCode = null, signal = null } = news;
    const durableStep = checkpoints.publisher.durable()?.step ?? null;
    const logOffset = (await stat(paths.log).catch(() => null))?.size ?? 0;
    this.#waiting = [...this.#waiting, { ...head, ...news, step, durableStep, exitCode, signal, logOffset }];
    this.#wake();
  }

  /** Writes what was noted. Rejects as the store does; the next pass goes on with what is left. */
  pass(signal: AbortSignal): Promise<void> {
    const pass = this.#turn.then(() => this.#writeAll(signal));
    this.#turn = pass.catch(() => {});
    return pass;
  }

  /** Writes events as they are noted until the signal fires. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    let failing = false;
    while (!signal.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      try {
        await this.pass(signal);
        failing = false;
        // Nothing is left: the next event wakes.
        if (this.#waiting.length === 0) await aborted(AbortSignal.any([signal, woken.signal]));
      } catch (error) {
        if (!failing && !signal.aborted) log.warn({ error: messageOf(error) }, 'an event could not be written yet');
        failing = true;
        await clock.sleep(RETRY_MS, signal).catch(() => {});
      }
    }
  }

  async #writeAll(signal: AbortSignal): Promise<void> {
    const { documents } = this.#parts;
    for (let event = this.#waiting[0]; event !== undefined; event = this.#waiting[0]) {
      this.#next ??= (await documents.lastLifeEvent(event.generation, signal)) + 1;
      // A number that is taken is that of an earlier agent here.
      const isWritten = await documents.putLifeEvent(this.#next, event, signal);
      this.#next++;
      if (isWritten) this.#waiting = this.#waiting.slice(1);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
