/**
 * Works on items, `concurrency` at a time, and resolves with the results in the items' order. After the first failure (or
 * the signal) nothing new is begun, what is under way is aborted, and the promise rejects once all of it has ended, so
 * that no buffer or file is in use any more.
 */
export async function inParallel<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  options: { readonly concurrency: number; readonly signal?: AbortSignal | undefined },
  work: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const stop = new AbortController();
  const { signal } = stop;
  // `AbortSignal.any` would cost as much as a small request for each of the many that listen to it.
  const stopToo = (): void => stop.abort(options.signal?.reason);
  if (options.signal?.aborted) stopToo();
  options.signal?.addEventListener('abort', stopToo);
  const results: Result[] = [];
  let begun = 0;
  let running = 0;
  let oneEnded = (): void => {};
  let failure: { readonly error: unknown } | null = null;
  const fail = (error: unknown): void => {
    failure ??= { error };
    stop.abort(error);
  };
  const perform = async (item: Item, index: number): Promise<void> => {
    try {
      results[index] = await work(item, signal);
    } catch (error) {
      fail(error);
    }
    running--;
    oneEnded();
  };
  // A race between all that run would take longer the more they are, for each item anew.
  const roomFor = async (most: number): Promise<void> => {
    for (;;) {
      if (running <= most) return;
      await new Promise<void>((resolve) => (oneEnded = resolve));
    }
  };
  try {
    for await (const item of items) {
      signal.throwIfAborted();
      running++;
      void perform(item, begun++);
      await roomFor(options.concurrency - 1);
    }
  } catch (error) {
    fail(error);
  }
  await roomFor(0);
  options.signal?.removeEventListener('abort', stopToo);
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
  return results;
}
