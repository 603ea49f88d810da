import { existsSync, statSync } from 'node:fs';
import type { RunSpec } from '@runctl/protocol';
import type { Checkpoints } from '../../checkpoints/checkpoint-port.ts';
import type { StopBoard } from '../../driver/stop-board.ts';
import type { Journal } from '../../journal/journal.ts';
import type { FailureReason } from '../../recovery/failure-reason.ts';
import type { Ending } from '../../lifecycle/model.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { AgentSelf } from '../../reporting/document-head.ts';
import { type AttemptVerdict, verdictOn } from '../../recovery/verdict.ts';

export interface AttemptVerdictParts {
  readonly spec: Pick<RunSpec, 'policy' | 'timing'>;
  readonly journal: Journal;
  readonly stops: Pick<StopBoard, 'interruption'>;
  readonly checkpoints: Pick<Checkpoints, 'publisher'>;
  readonly self: Pick<AgentSelf, 'node'>;
  readonly life: Pick<LifeState, 'output'>;
  /** The script's done-marker. */
  readonly donePath: string;
}

export interface EndedAttempt {
  readonly ending: Ending;
  /** See `Circumstances`. */
  readonly unsaved: string | null;
  readonly reason: FailureReason | null;
  /** See `Circumstances`. */
  readonly elsewhere: string | null;
  /** See `Circumstances`. */
  readonly hiddenFailure: string | null;
  /** See `Circumstances`. */
  readonly unproven: string | null;
  /** See `Circumstances`. */
  readonly hurried: boolean;
  /** See `AttemptWorkload`. */
  readonly markerUntilMs: number | null;
  /** See `Circumstances`. */
  readonly decided: boolean;
  readonly ranMs: number;
}

/** Judges how the attempt ended, by the run's policy and by what this machine knows of its history. */
export function attemptVerdict(
  { checkpoints, spec, journal, life, self, stops, donePath }: AttemptVerdictParts,
  ended: EndedAttempt,
): AttemptVerdict {
  const { ending, markerUntilMs, ...known } = ended;
  const { attempt } = journal.state;
  const { crashBackoffMs, earlyFailureMs } = spec.timing;
  return verdictOn(ending, {
    ...known,
    done: existsSync(donePath) && (markerUntilMs === null || isOlderThan(donePath, markerUntilMs)),
    isKept: isAnythingKept({ checkpoints, journal, life, self }),
    interruption: stops.interruption,
    crashes: attempt?.crashes ?? [],
    earlierCrashes: attempt?.earlierCrashes ?? 0,
    interruptions: attempt?.interruptions ?? 0,
    policy: { ...spec.policy, crashBackoffMs, earlyFailureMs },
  });
}

/** Whether the run has a durable checkpoint or kept output, as far as this machine knows. */
export function isAnythingKept({
  checkpoints,
  journal,
  life,
  self,
}: Pick<AttemptVerdictParts, 'checkpoints' | 'journal' | 'life' | 'self'>): boolean {
  return (
    (life.output?.files ?? 0) > 0 ||
    // Of several machines only the first knows what is durable.
    self.node > 0 ||
    checkpoints.publisher.durable() !== null ||
    (journal.state.attempt?.resumedFrom ?? null) !== null
  );
}

function isOlderThan(path: string, wallMs: number): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY) <= wallMs;
}
