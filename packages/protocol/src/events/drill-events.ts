import * as z from 'zod';
import { generation } from '../codec.ts';
import type { LaunchEvent } from './launch-events.ts';

const which = z.enum(['undisturbed', 'interrupted']);
const kind = z.enum(['notice', 'no-notice']);
const ms = z.number().nullable();
const step = z.number().nullable();

const interruption = z.object({
  kind,
  stepAtInterruption: step,
  /** Step of the checkpoint that was durable when the machine was gone. */
  durableStep: step,
  /** Null when it is unknown, because neither the script nor its checkpoints tell a step, or work was lost that no step tells. */
  lostSteps: z.number().nullable(),
  noticeToSigtermMs: ms,
  /** Whether a process that could save caught SIGTERM; null where none was sent, or that is unknown. */
  caughtTerm: z.boolean().nullable(),
  sigtermToExitMs: ms,
  flushMs: ms,
  /** Whether a checkpoint that was saved after SIGTERM became durable; null where none was sent. */
  newCheckpoint: z.boolean().nullable(),
  /** From the end of the training on one machine to its start on the next. */
  downtimeMs: ms,
  /** Where the script itself went on; null when it began anew or never came back. */
  resumedStep: step,
});

/** What one interruption cost, with its times. */
export type InterruptionReport = z.output<typeof interruption>;

/** The same, with what only the verdict needs. */
const measured = interruption.extend({
  recovered: z.boolean(),
  killed: z.boolean(),
  /** A checkpoint was there for the next life. */
  hadCheckpoint: z.boolean(),
  /** The first step that the next life reported, when it lies before the checkpoint it was given. */
  beganAgainAt: step,
  /** Steps prove that the next life went on from the checkpoint it was given. */
  resumeSeen: z.boolean(),
  /** Training time between the last durable save and SIGTERM, where it must have lost work; else null. */
  unsavedMs: ms,
  /** From SIGTERM to the end of the script and of its writes, also of processes that outlive it. */
  savesLastedMs: ms,
  /** How many save intervals the script had trained since it began or resumed; null where no interval was seen. */
  intervalsBefore: z.number().nullable(),
  notDurable: z.array(z.string()).readonly(),
  /** It had come to its end by itself when SIGTERM was sent, so its stopping was not seen. */
  wasDone: z.boolean(),
  /** It went on training after SIGTERM until it was done, so its stopping was not seen. */
  ranToItsEnd: z.boolean(),
});
export type MeasuredInterruption = z.output<typeof measured>;

const noticeFit = z.object({
  /** SIGTERM to the end of the script and of its writes, the longest; null when none was seen. */
  saveMs: ms,
  sizeBytes: z.number().nullable(),
  /** From the first sight of a real notice until a checkpoint must be durable. */
  usableMs: z.number(),
  /** Network that the machine must have; null when save or size is unknown, or the save alone takes too long. */
  neededBytesPerSecond: z.number().nullable(),
  /** For people. */
  summary: z.string(),
});

/** What a rehearsal shows of whether a last save fits into a real notice. Its upload went nowhere near a real network. */
export type NoticeFit = z.output<typeof noticeFit>;

const begun = z.object({ type: z.literal('rehearsal-begun'), which, run: z.string() });

const ended = z.object({
  type: z.literal('rehearsal-ended'),
  which,
  outcome: z.string(),
  message: z.string(),
  finalStep: step,
  tookMs: z.number(),
  /** The last lines of the log. */
  tail: z.array(z.string()).readonly(),
});

/** Null where there was nothing to compare. */
const compared = z.object({ type: z.literal('compared'), identical: z.boolean().nullable(), files: z.number() });

const attempt = z.object({
  type: z.literal('rehearsal-attempt'),
  generation,
  machineId: z.string(),
  fromStep: step,
  resumed: z.boolean(),
});

const interrupting = z.object({
  type: z.literal('interrupting'),
  kind,
  number: z.number(),
  step,
  durableStep: step,
  /** A checkpoint was durable, with a step or without. */
  hasDurable: z.boolean(),
});

const recovered = z.object({ type: z.literal('recovered'), number: z.number(), report: measured });

const notRecovered = z.object({ type: z.literal('not-recovered'), number: z.number(), waitedMs: z.number() });

const report = z.object({
  type: z.literal('drill-report'),
  run: z.string(),
  level: z.string(),
  outcome: z.string(),
  finalStep: step,
  identicalToUninterrupted: z.boolean().nullable(),
  interruptions: z.array(interruption).readonly(),
  noticeFit,
  /** `inconclusive`: too little was seen to call it safe, and nothing to call it unsafe. */
  verdict: z.enum(['safe', 'unsafe', 'inconclusive']),
  /** What is wrong or was not seen, the most important first. */
  reasons: z.array(z.string()).readonly(),
  /** The framework that the script was recognised to use; null for none. */
  framework: z.string().nullable(),
  /** What to change, each for one or several of the reasons. */
  advice: z.array(z.string()).readonly(),
});

export const drillEvents = [begun, ended, compared, attempt, interrupting, recovered, notRecovered, report] as const;

/** What a drill concludes. */
export type DrillReportEvent = z.output<typeof report>;

/** What a rehearsed run shows. */
export type RehearsalEvent =
  z.output<typeof attempt> | z.output<typeof interrupting> | z.output<typeof recovered> | z.output<typeof notRecovered>;

/** What a drill shows. */
export type DrillEvent =
  z.output<typeof begun> | z.output<typeof ended> | z.output<typeof compared> | LaunchEvent | RehearsalEvent;
