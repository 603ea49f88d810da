import * as z from 'zod';
import { generation, nodeIndex } from '../codec.ts';

const life = { generation, node: nodeIndex };

/** Bytes of the log as they are. Inside a process only: a `--json` line has them as text, in `log` or `line`. */
const logBytes = z.object({
  type: z.literal('log-bytes'),
  ...life,
  /** In uncompressed bytes from the start of this life's log. */
  offset: z.number(),
  bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
});

/** A piece of the log as UTF-8. A character that a piece cuts in two stands whole in the next. */
const logText = z.object({
  type: z.literal('log'),
  ...life,
  offset: z.number(),
  sizeBytes: z.number(),
  text: z.string(),
});

/** One whole line of the log, without its end. */
const logLine = z.object({
  type: z.literal('line'),
  attempt: z.number(),
  ...life,
  offset: z.number(),
  text: z.string(),
});

/** Bytes of the log that the bucket does not have, from `from` to before `to`. */
const logGap = z.object({
  type: z.literal('log-gap'),
  ...life,
  from: z.number(),
  to: z.number(),
  attempt: z.number().optional(),
});

export const logEvents = [logBytes, logText, logLine, logGap] as const;

/** What reading a log gives: bytes, and what of them is missing. */
export type LogEvent = z.output<typeof logBytes> | z.output<typeof logGap>;
