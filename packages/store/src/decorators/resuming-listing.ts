/** Goes on with a listing that failed: `open` begins again after the last item that came. `mayGoOn` pauses, or rethrows. */
export async function* resumingListing<T>(
  open: (last: T | null, seen: number) => AsyncIterable<T>,
  mayGoOn: (error: unknown, progressed: boolean) => Promise<void>,
): AsyncIterable<T> {
  let last: T | null = null;
  let seen = 0;
  for (;;) {
    const before = seen;
    try {
      for await (const item of open(last, seen)) {
        last = item;
        seen++;
        yield item;
      }
      return;
    } catch (error) {
      await mayGoOn(error, seen > before);
    }
  }
}
