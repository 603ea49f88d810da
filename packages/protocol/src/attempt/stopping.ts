import { formatDuration } from '@runctl/core';
import * as z from 'zod';
import { timestamp } from '../codec.ts';
import { stopCause } from '../launch/launch.ts';

/** A stop that leaves a script the time that its saving takes. */
export const stopping = z.object({
  cause: stopCause,
  /** When it was told. */
  since: timestamp,
  /** When something was written into the checkpoint folder last; null where nothing was since. */
  lastByteAt: timestamp.nullable(),
  /** When it is ended, should it write nothing from now on. */
  endsAt: timestamp.nullable(),
  /** When it is ended whatever it writes. */
  endsBy: timestamp.nullable(),
});
export type Stopping = z.output<typeof stopping>;

/** What it means that nothing of a workload catches SIGTERM, for people. */
export const LOST_WITHOUT_HANDLER = 'an interruption loses everything since the last save';

/** What it means that a workload ignores SIGTERM, for people. */
export const UNKNOWN_WHERE_IGNORED =
  'whether the script watches RUNCTL_PREEMPT_FILE and saves then is not known: a rehearsal (drill) shows it';

/** Says how far a stop has come, for people: `saving for 2m10s, last byte 3s ago, ends at the latest in 12m50s`. */
export function stoppingText({ since, lastByteAt, endsAt, endsBy }: Stopping, nowMs: number): string {
  const ago = (at: string): string => formatDuration(Math.max(0, nowMs - Date.parse(at)));
  const until = (at: string): string => formatDuration(Math.max(0, Date.parse(at) - nowMs));
  const latest = endsBy === null ? '' : `, ends at the latest in ${until(endsBy)}`;
  if (lastByteAt !== null) return `saving for ${ago(since)}, last byte ${ago(lastByteAt)} ago${latest}`;
  const first = endsAt === null ? '' : `, ended in ${until(endsAt)} unless it writes`;
  return `told to stop ${ago(since)} ago, nothing saved since${first}${latest}`;
}
