import { type Clock, until } from '@runctl/core';
import type { LogEvent } from '@runctl/protocol/events';
import { isStoreError } from '@runctl/store';
import type { LogReader } from './log-reader.ts';

interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const OFFLINE_PAUSE_MS = 3000;

/** A laptop loses its network now and then, and the run goes on without it: asks again until there is an answer. */
export function patiently<T>({ clock, signal }: Waiting, read: () => Promise<T>): Promise<T> {
  return until(read, {
    clock,
    signal,
    pauseMs: () => OFFLINE_PAUSE_MS,
    isFinal: (error) => !isStoreError(error, 'transient'),
    // The age of what is shown tells it.
    onTrouble: () => {},
  });
}

/** One pass over the log, gone on with where the network broke it off. */
export async function* readPatiently(log: LogReader, waiting: Waiting): AsyncGenerator<LogEvent> {
  let pass = log.read();
  const next = (): Promise<IteratorResult<LogEvent, unknown>> =>
    pass.next().catch((error: unknown) => {
      // A generator that threw has ended; the reader itself knows where to go on.
      pass = log.read();
      throw error;
    });
  try {
    for (;;) {
      const result = await patiently(waiting, next);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    await pass.return(undefined);
  }
}
