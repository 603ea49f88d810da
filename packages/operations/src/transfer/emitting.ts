/**
 * Makes a generator of events out of work that reports by calling: what it emits is yielded in order, its value returned,
 * its error thrown after the events before it. Events of work that nobody takes any more are kept, not lost.
 */
export async function* emitting<E, R>(work: (emit: (event: E) => void) => Promise<R>): AsyncGenerator<E, R> {
  const queue: E[] = [];
  let wake = (): void => {};
  let ended = false;
  const result = work((event) => {
    queue.push(event);
    wake();
  }).finally(() => {
    ended = true;
    wake();
  });
  // It is awaited below; until then a failure has no listener.
  result.catch(() => {});
  for (;;) {
    for (let event = queue.shift(); event !== undefined; event = queue.shift()) yield event;
    if (ended && queue.length === 0) return result;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (ended || queue.length > 0) resolve();
    });
  }
}
