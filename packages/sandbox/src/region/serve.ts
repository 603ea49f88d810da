import { serveRegion, type RegionOptions } from './region.ts';

/**
 * Serves a region until it is asked to stop (SIGTERM, SIGINT, the control channel); for `runctl sandbox serve`. `say` is
 * given, one line at a time, where it answers and what is not real there. Errors: those of serveRegion.
 */
export async function serveUntilStopped(options: RegionOptions, say: (line: string) => void): Promise<void> {
  const region = await serveRegion(options);
  const stop = () => {
    region.close().catch(() => {
      // `closed` rejects too.
    });
  };
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  try {
    const { endpoint, level, timeScale, bucket, notReal } = region.file;
    say(`sandbox: level ${level}, endpoint ${endpoint}, time scale ${timeScale}, bucket ${bucket}`);
    for (const { level, reason } of region.refused) say(`level ${level} does not run here: ${reason}`);
    for (const sentence of notReal) say(`not real at level ${level}: ${sentence}`);
    await region.closed;
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}
