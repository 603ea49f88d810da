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
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const results: Promise<Result>[] = [];
  const running = new Set<Promise<unknown>>();
  let failure: { readonly error: unknown } | null = null;
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.abort(error);
  };
  try {
    for await (const item of items) {
      signal.throwIfAborted();
      const result = work(item, signal);
      results.push(result);
      const settled: Promise<unknown> = result.catch(fail).finally(() => running.delete(settled));
      running.add(settled);
      if (running.size >= options.concurrency) await Promise.race(running);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  const failed = failure as { readonly error: unknown } | null;
  if (failed !== null) throw failed.error;
  return Promise.all(results);
}
