import { type AttemptStatus, type Fit, FORMAT_VERSION, timestampOf, type WaitingStatus } from '@runctl/protocol';
import type { DurableCheckpoint, UploadProgress } from '@runctl/checkpoint';
import type { HostIdentity } from '../host/host.ts';
import type { LifeState } from './life-state.ts';
import type { Progress } from './progress.ts';

/** The facts of an agent that may have no attempt yet. */
export interface WaitingFacts {
  readonly run: string;
  readonly launch: number;
  readonly node: number;
  readonly identity: HostIdentity;
  readonly pricePerHourUsd: number | null;
  readonly nowWallMs: number;
  readonly nowMs: number;
  readonly life: LifeState;
  readonly lease: AttemptStatus['lease'];
}

export interface StatusFacts extends WaitingFacts {
  readonly generation: number;
  readonly progress: Progress;
  readonly durable: DurableCheckpoint | null;
  readonly uploads: readonly UploadProgress[];
  readonly fit: Fit;
  readonly spentUsd: number | null;
  readonly limitUsd: number | null;
  readonly interruptions: number;
  readonly crashes: number;
  readonly logBytes: number;
}

/** The heartbeat of a moment. */
export function statusOf(facts: StatusFacts): AttemptStatus {
  const { life } = facts;
  return {
    ...waitingStatusOf(facts),
    generation: facts.generation,
    pid: life.pid,
    workload: life.workload.look(facts.nowMs, hasShownLife(facts)),
    interpreter: life.interpreter,
    step: facts.progress.step,
    stepSource: facts.progress.source,
    stepEvidence: facts.progress.evidence,
    durable: facts.durable,
    atRiskMs: atRiskMs(facts),
    fit: facts.fit,
    output: life.output,
    uploads: [...facts.uploads],
    savedFor: life.savedFor,
    stopping: life.stopping,
    budget: { spentUsd: facts.spentUsd, limitUsd: facts.limitUsd },
    interruptions: facts.interruptions,
    crashes: facts.crashes,
    logBytes: facts.logBytes,
  };
}

/** The answer of a machine that has no generation to speak for. */
export function waitingStatusOf(facts: WaitingFacts): WaitingStatus {
  const { identity, life } = facts;
  return {
    version: FORMAT_VERSION,
    run: facts.run,
    launch: facts.launch,
    node: facts.node,
    generation: null,
    machineId: identity.machineId,
    at: timestampOf(facts.nowWallMs),
    phase: life.phase,
    phaseSince: timestampOf(life.phaseSinceMs),
    doing: life.doing,
    notice:
      life.notice === null
        ? null
        : { action: life.notice.action, deadlineInMs: Math.round(life.notice.deadlineMs - facts.nowMs) },
    lease: facts.lease,
    pricePerHourUsd: facts.pricePerHourUsd,
    market: identity.market,
    machineType: identity.machineType,
    location: identity.location,
    warnings: [...life.warnings],
  };
}

/** Whether this life of the workload has told a step, or saved a checkpoint: the last one's progress file is still there. */
function hasShownLife({ durable, life, progress }: StatusFacts): boolean {
  const { workingSinceMs } = life;
  if (workingSinceMs === null) return false;
  const savedMs = durable === null ? Number.NEGATIVE_INFINITY : Date.parse(durable.savedAt);
  return Math.max(savedMs, progress.atMs ?? Number.NEGATIVE_INFINITY) >= workingSinceMs;
}

/** Work since the durable checkpoint was written, or since this workload started where that is later. */
function atRiskMs({ life, durable, nowWallMs }: StatusFacts): number | null {
  if (life.workingSinceMs === null) return null;
  const savedMs = durable === null ? Number.NEGATIVE_INFINITY : Date.parse(durable.savedAt);
  return Math.max(0, Math.round(nowWallMs - Math.max(savedMs, life.workingSinceMs)));
}
