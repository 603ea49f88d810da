import { setTimeout as sleep } from 'node:timers/promises';

/** Passes data on at no more than the given rate, in pieces small enough to look like a slow line rather than a stalled one. */
export async function* paced(source: AsyncIterable<Buffer>, bytesPerSecond: number): AsyncGenerator<Buffer> {
  const pieceBytes = Math.max(1, Math.min(64 * 1024, Math.ceil(bytesPerSecond / 20)));
  const startedMs = performance.now();
  let passed = 0;
  for await (const chunk of source)
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      const piece = chunk.subarray(at, at + pieceBytes);
      passed += piece.length;
      const aheadMs = (passed / bytesPerSecond) * 1000 - (performance.now() - startedMs);
      if (aheadMs > 1) await sleep(aheadMs);
      yield piece;
    }
}
