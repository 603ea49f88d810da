import { type Clock, type Log, messageOf } from '@runctl/core';
import type { ControlDocument } from '@runctl/protocol';
import type { RunDocuments } from '../documents/run-documents.ts';

export interface ControlPollOptions {
  readonly documents: Pick<RunDocuments, 'control'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly launch: number;
  readonly everyMs: number;
  /** Key of the newest wish that was dealt with; kept over restarts of the agent. */
  readonly seen: string | null;
  /** Called once a wish. It may be called again after a restart if that came before `remember` did its work. */
  readonly obey: (wish: ControlDocument) => void;
  readonly remember: (key: string) => Promise<void>;
}

export interface ControlPoll {
  /** One look. Rejects when the bucket does. */
  look(signal: AbortSignal): Promise<void>;
  /** Looks until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** Wishes that people left in the bucket: each is obeyed once, in order, if it is meant for this launch. */
export function createControlPoll(options: ControlPollOptions): ControlPoll {
  const { documents, clock, log, launch, everyMs, obey, remember } = options;
  let seen = options.seen;

  const look = async (signal: AbortSignal): Promise<void> => {
    for await (const { key, document } of documents.control(seen, signal)) {
      if (document?.launch === launch) {
        log.info({ action: document.action, by: document.by }, 'control');
        obey(document);
      }
      seen = key;
      await remember(key);
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
