import * as z from 'zod';

const ms = z.number().int().nonnegative();
const period = z.number().int().positive();

/** How fast the parts of a run turn. A rehearsal shortens them; a real run keeps `defaultTiming`. All in milliseconds. */
export const timing = z.object({
  leaseTtlMs: period,
  leaseRenewMs: period,
  /** A holder stops publishing this long after it sent its last good renewal. */
  publishWithinMs: period,
  heartbeatMs: period,
  controlPollMs: period,
  /** Period at which the machine is asked whether it is about to be taken. */
  noticePollMs: period,
  logShipMs: period,
  /** Period at which the output folder is looked at while the script runs. */
  outputMs: period.default(180_000),
  /** A file that has not changed for this long and has no writer counts as still. */
  settleMs: period,
  /** Longest notice; also its length where the notice's own time cannot be read. Nothing but a notice is measured by it. */
  noticeMs: period,
  /** Kept free before a notice's deadline. */
  deadlineMarginMs: ms,
  flushReserveMs: ms,
  reportReserveMs: ms,
  /** Past a deadline by this much, a machine that still lives tries for the lease again. */
  survivalMs: period,
  /** Rest of a machine that gave its generation up without a deadline, before `survivalMs` begins. */
  restMs: period,
  /** Longest time in which an interrupted machine tries to release the lease. */
  releaseMs: period,
  /** A boot that has not reached the agent by then powers the machine off. */
  bootGuardMs: period,
  /** An agent that has not shown life for this long is killed and started again; the next time the machine powers off. */
  standstillMs: period,
  /** An agent that has not learnt its run and its launch by then ends the launch. */
  firstBootMs: period,
  /** Who watches a launch ends it once its machines have run for this long without an agent that spoke. */
  silentMs: period.default(1_200_000),
  /** Pause before a crashed workload is started again, doubled with each crash. */
  crashBackoffMs: ms,
  /** The same failure twice within this time of the start means: give up. */
  earlyFailureMs: ms,
  /** Grace of a stop that a person, a budget or the launch's end asks for, where no process catches SIGTERM. */
  userStopGraceMs: ms,
  /** Where one catches it: its time until the first byte of its save. */
  firstByteMs: period.default(300_000),
  /** And from then on it is left alone for as long as it wrote something within this time. */
  savingPauseMs: period.default(30_000),
  /** A script that said that it is done, and all of whose saves are durable, is asked to end after this. */
  doneGraceMs: period,
  /** And is killed this long after it was asked. */
  doneKillMs: period,
  /** Files of a done script that are no complete checkpoint are waited for this long. */
  doneSettleMs: period,
  /** A checkpoint folder that a resumed script has left empty for this long was emptied by it. */
  emptiedMs: period.default(5000),
  /** How long an agent works on while the operating system shuts down. */
  shutdownMs: ms,
  /** Longest of these stops, however long something is written; launchers of ranks are told to wait for as long. */
  longestStopMs: period,
  /** A killed workload that has not ended by then is given up. */
  afterKillMs: period,
  /** A process that has not ended by then after SIGKILL hangs in the kernel, and is named and waited for no more. */
  unkillableMs: period.default(60_000),
  /** Time for processes that outlive their script: SIGTERM soon after its end, SIGKILL when this is over. */
  leftoversMs: period,
  /** An upload without a deadline is given up when no byte moved for this long. */
  stalledFlushMs: period,
  /** Longest report where no deadline presses. */
  unhurriedReportMs: period,
  /** A refusal by the bucket that lasts this long is taken for lasting. */
  refusedMs: period,
  /** A machine that has waited this long for a holder that goes on powers itself off. */
  standByMs: period,
  /** Period at which a waiting machine asks whether the holder goes on. */
  standByPollMs: period,
  /** A launch is stopped this long before its machines are taken by the provider's own time limit. */
  validityMarginMs: ms,
});
export type Timing = z.output<typeof timing>;

export const defaultTiming: Timing = {
  leaseTtlMs: 60_000,
  leaseRenewMs: 15_000,
  publishWithinMs: 45_000,
  heartbeatMs: 15_000,
  controlPollMs: 5000,
  noticePollMs: 1000,
  logShipMs: 5000,
  outputMs: 180_000,
  settleMs: 2000,
  noticeMs: 120_000,
  deadlineMarginMs: 5000,
  flushReserveMs: 20_000,
  reportReserveMs: 5000,
  survivalMs: 30_000,
  restMs: 120_000,
  releaseMs: 120_000,
  bootGuardMs: 900_000,
  standstillMs: 900_000,
  firstBootMs: 810_000,
  silentMs: 1_200_000,
  crashBackoffMs: 10_000,
  earlyFailureMs: 60_000,
  userStopGraceMs: 90_000,
  firstByteMs: 300_000,
  savingPauseMs: 30_000,
  doneGraceMs: 60_000,
  doneKillMs: 10_000,
  doneSettleMs: 120_000,
  emptiedMs: 5000,
  shutdownMs: 30_000,
  longestStopMs: 900_000,
  afterKillMs: 5000,
  unkillableMs: 60_000,
  leftoversMs: 2000,
  stalledFlushMs: 7_200_000,
  unhurriedReportMs: 60_000,
  refusedMs: 300_000,
  standByMs: 1_800_000,
  standByPollMs: 120_000,
  validityMarginMs: 600_000,
};

/** Below these a machine can't keep a period, however fast the rehearsal. Fields that are missing have no floor. */
const floors: Partial<Timing> = {
  leaseTtlMs: 6000,
  heartbeatMs: 1000,
  controlPollMs: 500,
  noticePollMs: 200,
  logShipMs: 500,
  outputMs: 1000,
  settleMs: 300,
  deadlineMarginMs: 500,
  flushReserveMs: 1500,
  reportReserveMs: 1000,
  survivalMs: 3000,
  bootGuardMs: 60_000,
  standstillMs: 15_000,
  silentMs: 300_000,
  crashBackoffMs: 200,
  firstByteMs: 5000,
  savingPauseMs: 2000,
  longestStopMs: 15_000,
  afterKillMs: 1000,
  unkillableMs: 10_000,
};

/** Fields that no rehearsal shortens: they go by people, by the machine itself, or by the script's own pace. */
const unscaled: ReadonlySet<keyof Timing> = new Set(['emptiedMs', 'earlyFailureMs', 'firstBootMs', 'validityMarginMs']);

/** Timing of a rehearsal in which two minutes of a notice last 120 s × `timeScale`. Never longer than the default. */
export function scaledTiming(timeScale: number): Timing {
  if (timeScale >= 1) return defaultTiming;
  const scaled = (field: keyof Timing): number => {
    const full = defaultTiming[field];
    if (unscaled.has(field)) return full;
    return Math.round(Math.max(Math.min(full, floors[field] ?? 0), full * timeScale));
  };
  const fields = Object.keys(defaultTiming) as (keyof Timing)[];
  const result = Object.fromEntries(fields.map((field) => [field, scaled(field)])) as Timing;
  return {
    ...result,
    leaseRenewMs: Math.round(result.leaseTtlMs / 4),
    publishWithinMs: Math.round((result.leaseTtlMs * 3) / 4),
  };
}
