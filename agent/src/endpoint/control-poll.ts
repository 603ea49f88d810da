import { type Clock, type Log, messageOf } from '@runctl/core';
import type { ControlDocument } from '@runctl/protocol';
import type { RunDocuments } from '../reporting/run-documents.ts';

export interface ControlPollOptions {
  readonly documents: Pick<RunDocuments, 'control'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly launch: number;
  readonly everyMs: number;
  /**
   * Called once a wish in an agent's life, and again by an agent that comes after it, on this machine or the next: the
   * earlier one may have died before it did what was asked, and doing it twice changes nothing.
   */
  readonly obey: (wish: ControlDocument) => void;
}

export interface ControlPoll {
  /** One look. Rejects when the bucket does. */
  look(signal: AbortSignal): Promise<void>;
  /** Looks until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Wishes that people left in the bucket: each is obeyed once, in order, if it is meant for this launch. Keys begin with the
 * time of whoever wrote them, and laptops' clocks differ: a new wish may stand before one that is known already.
 */
export function createControlPoll(options: ControlPollOptions): ControlPoll {
  const { documents, clock, log, launch, everyMs, obey } = options;
  const handled = new Set<string>();

  const look = async (signal: AbortSignal): Promise<void> => {
    for await (const { key, document } of documents.control(handled, signal)) {
      if (document === null) log.warn({ key }, 'a wish that this agent can not read is left alone');
      if (document?.launch === launch) {
        log.info({ action: document.action, by: document.by }, 'control');
        obey(document);
      }
      handled.add(key);
    }
  };

  return {
    look,
    async run(signal) {
      let failing = false;
      while (!signal.aborted) {
        try {
          await look(signal);
          failing = false;
        } catch (error) {
          if (!failing && !signal.aborted) log.warn({ error: messageOf(error) }, 'control could not be read');
          failing = true;
        }
        await clock.sleep(everyMs, signal).catch(() => {});
      }
    },
  };
}
