import * as z from 'zod';
import { generation, launchNumber, nodeIndex, openEnum, timestamp, versioned } from '../codec.ts';

/** `attempts/<gen>/<node>/events/<n>.json`: what happened within one life; appended in order, never overwritten. */
export const lifeEvent = versioned.extend({
  generation,
  node: nodeIndex,
  launch: launchNumber,
  machineId: z.string(),
  at: timestamp,
  kind: openEnum([
    'start',
    'crash',
    'backoff',
    'resume',
    'set-aside',
    'resume-ignored',
    'written-elsewhere',
    'not-kept',
  ]),
  /** For people. */
  message: z.string(),
  step: z.number().nullable(),
  durableStep: z.number().nullable(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  /** How long the log of this generation was then, in bytes; null where nobody looked. */
  logOffset: z.number().int().nonnegative().nullable().default(null),
});
export type LifeEvent = z.output<typeof lifeEvent>;
