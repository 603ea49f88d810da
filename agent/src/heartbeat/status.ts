import { type AttemptStatus, type Fit, FORMAT_VERSION, timestampOf } from '@runctl/protocol';
import type { DurableCheckpoint, UploadProgress } from '@runctl/checkpoint';
import type { Identity } from '../interruption/identity.ts';
import type { LifeState } from '../life/life-state.ts';
import type { Progress } from './progress.ts';

export interface StatusFacts {
  readonly run: string;
  readonly launch: number;
  readonly node: number;
  readonly generation: number;
  readonly identity: Identity;
  readonly pricePerHourUsd: number | null;
  readonly nowWallMs: number;
  readonly nowMs: number;
  readonly life: LifeState;
  readonly progress: Progress;
  readonly durable: DurableCheckpoint | null;
  readonly uploads: readonly UploadProgress[];
  readonly fit: Fit;
  readonly lease: AttemptStatus['lease'];
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
    version: FORMAT_VERSION,
    run: facts.run,
    launch: facts.launch,
    node: facts.node,
    generation: facts.generation,
    instanceId: facts.identity.instanceId,
    at: timestampOf(facts.nowWallMs),
    phase: life.phase,
    phaseSince: timestampOf(life.phaseSinceMs),
    doing: life.doing,
    pid: life.pid,
    step: facts.progress.step,
    stepSource: facts.progress.source,
    durable: facts.durable,
    atRiskMs: atRiskMs(facts),
    fit: facts.fit,
    uploads: [...facts.uploads],
    savedFor: life.savedFor,
    notice:
      life.notice === null
        ? null
        : { action: life.notice.action, deadlineInMs: Math.round(life.notice.deadlineMs - facts.nowMs) },
    lease: facts.lease,
    budget: { spentUsd: facts.spentUsd, limitUsd: facts.limitUsd },
    pricePerHourUsd: facts.pricePerHourUsd,
    market: facts.identity.market,
    instanceType: facts.identity.instanceType,
    zone: facts.identity.zone,
    interruptions: facts.interruptions,
    crashes: facts.crashes,
    logBytes: facts.logBytes,
    warnings: [...life.warnings],
  };
}

/** Work since the durable checkpoint was written, or since this workload started where that is later. */
function atRiskMs({ life, durable, nowWallMs }: StatusFacts): number | null {
  if (life.workingSinceMs === null) return null;
  const savedMs = durable === null ? Number.NEGATIVE_INFINITY : Date.parse(durable.savedAt);
  return Math.max(0, Math.round(nowWallMs - Math.max(savedMs, life.workingSinceMs)));
}
