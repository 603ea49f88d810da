import { setTimeout as sleep } from 'node:timers/promises';

/** Ctrl-C ends a command that heeds the signal within this, with words of its own. */
const OWN_WORDS_MS = 250;

/**
 * As the work, which changes nothing anywhere; once the signal has fired, it is left alone, however long it goes on waiting, and
 * the signal's reason is thrown.
 */
export async function leaveWaiting<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const done = new AbortController();
  const left = (async (): Promise<never> => {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true, signal: done.signal });
    });
    // Real time: a command that can't be ended is waiting for something outside of this process.
    await sleep(OWN_WORDS_MS, undefined, { signal: done.signal });
    throw signal.reason;
  })();
  try {
    return await Promise.race([work, left]);
  } finally {
    done.abort();
    left.catch(() => {});
  }
}
