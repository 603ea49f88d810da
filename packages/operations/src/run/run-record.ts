import type {
  AttemptNotice,
  AttemptOutcome,
  AttemptStarted,
  AttemptStatus,
  BootFailure,
  DrainReport,
  LatestPointer,
  LaunchIntent,
  LaunchMachines,
  LaunchOutcome,
  LeaseDocument,
  LifeEvent,
  RunSpec,
} from '@runctl/protocol';

/** A document that changes, with its age by the store's clock when it was read. */
export interface Observed<T> {
  readonly document: T;
  readonly ageMs: number;
  readonly lastModifiedMs: number;
}

export interface LaunchRecord {
  readonly launch: number;
  readonly intent: LaunchIntent | null;
  readonly machines: LaunchMachines | null;
  readonly outcome: LaunchOutcome | null;
}

/** One life on one machine, as far as it wrote about itself. */
export interface AttemptRecord {
  readonly generation: number;
  readonly node: number;
  readonly started: AttemptStarted | null;
  readonly notice: AttemptNotice | null;
  readonly drain: DrainReport | null;
  readonly drainedAt: string | null;
  readonly outcome: AttemptOutcome | null;
  readonly status: Observed<AttemptStatus> | null;
  /** What happened within it, in order. */
  readonly events: readonly LifeEvent[];
}

/** What a script did instead of going on from the checkpoint that its life began with; null where nothing tells that it did. */
export function resumeIgnoredAtStart({ events }: Pick<AttemptRecord, 'events'>): string | null {
  const again = events.findIndex(({ kind }) => kind === 'start' || kind === 'resume');
  const ofFirst = again === -1 ? events : events.slice(0, again);
  return ofFirst.find(({ kind }) => kind === 'resume-ignored')?.message ?? null;
}

/** All that the bucket says about a run, read at one time. Launches and attempts are in order. */
export interface RunRecord {
  readonly spec: RunSpec;
  readonly launches: readonly LaunchRecord[];
  readonly attempts: readonly AttemptRecord[];
  readonly boots: readonly BootFailure[];
  readonly latest: Observed<LatestPointer> | null;
  /** Why `latest.json`, which is there, can't be read; null when it can, or is not there. */
  readonly damagedLatest: string | null;
  readonly lease: Observed<LeaseDocument> | null;
  /** The same of `lease.json`: whoever holds it writes it anew soon. */
  readonly damagedLease: string | null;
  /** Wall time of the reader. */
  readonly readAtMs: number;
}

export function lastLaunch(record: RunRecord): LaunchRecord | null {
  return record.launches.at(-1) ?? null;
}

/** Attempts of one launch; those that never said which are left out. */
export function attemptsOf(record: RunRecord, launch: number): readonly AttemptRecord[] {
  return record.attempts.filter((attempt) => launchOf(attempt) === launch);
}

export function launchOf(attempt: AttemptRecord): number | null {
  return attempt.started?.launch ?? attempt.status?.document.launch ?? attempt.outcome?.launch ?? null;
}

/** 1 for the first life of the run; generations may skip numbers that a laptop took. */
export function attemptNumber(record: Pick<RunRecord, 'attempts'>, generation: number): number {
  const generations = new Set(record.attempts.map((attempt) => attempt.generation));
  return [...generations].filter((other) => other <= generation).length;
}
