import type { LogEvent } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import { isStoreError } from '@runctl/store';
import type { LogReader } from './log-reader.ts';

interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const OFFLINE_PAUSE_MS = 3000;

/** A laptop loses its network now and then, and the run goes on without it: asks again until there is an answer. */
export async function patiently<T>({ clock, signal }: Waiting, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!isStoreError(error, 'transient')) throw error;
      await clock.sleep(OFFLINE_PAUSE_MS, signal);
    }
  }
}

/** One pass over the log, gone on with where the network broke it off. */
export async function* readPatiently(log: LogReader, { clock, signal }: Waiting): AsyncGenerator<LogEvent> {
  for (;;) {
    try {
      yield* log.read();
      return;
    } catch (error) {
      if (!isStoreError(error, 'transient')) throw error;
      await clock.sleep(OFFLINE_PAUSE_MS, signal);
    }
  }
}
