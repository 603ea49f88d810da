import type { DrillEvent, DrillReportEvent, InterruptionReport, MeasuredInterruption } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import type { Cloud } from '../cloud.ts';
import type { LaunchPlan } from '../launch/launch-plan.ts';
import { launchRun } from '../launch/launch-run.ts';
import type { Tools } from '../launch/tools.ts';
import { differingFiles, finalCheckpoint } from './final-files.ts';
import { planMoments, type Reference } from './moments.ts';
import { noticeFit } from './notice-fit.ts';
import { seededRandom } from './random.ts';
import { rehearse, type Rehearsal } from './rehearse.ts';
import { judgeDrill } from './verdict.ts';

export interface DrillOptions {
  readonly cloud: Cloud;
  readonly clock: Clock;
  readonly user: string;
  readonly signal: AbortSignal;
  readonly plan: LaunchPlan;
  readonly tools: Tools;
  readonly level: string;
  readonly interruptions: number;
  /** Probability that an interruption comes without a notice. */
  readonly noNotice: number;
  readonly seed: number;
  readonly compare: boolean;
  readonly timeScale: number;
  readonly interrupt: (machineId: string, notice: boolean) => Promise<void>;
}

/** Rehearses interruptions of a plan on the given (local) cloud through the ordinary launch, and judges what came of them. */
export async function* drill(options: DrillOptions): AsyncGenerator<DrillEvent, DrillReportEvent> {
  const { cloud, clock } = options;
  const calm = options.compare ? yield* one(options, 'undisturbed', []) : null;
  const reference: Reference | null =
    calm === null || calm.rehearsal.outcome?.status !== 'succeeded'
      ? null
      : { finalStep: calm.rehearsal.outcome.step, trainingMs: trainingMs(calm.rehearsal, clock) };
  const { interruptions: count, noNotice } = options;
  const moments = planMoments(seededRandom(options.seed), { interruptions: count, noNotice, reference });
  const { run, rehearsal } = yield* one(options, 'interrupted', moments);
  const files = await Promise.all([
    calm === null ? null : finalCheckpoint(cloud.store, calm.run),
    finalCheckpoint(cloud.store, run),
  ]);
  const differing = calm === null ? null : differingFiles(...files);
  const identical = differing === null ? null : differing.length === 0;
  if (calm !== null) yield { type: 'compared', identical, files: files[1]?.files.size ?? 0 };
  const outcome = rehearsal.outcome?.status ?? 'unfinished';
  const judged = judgeDrill({
    outcome,
    outcomeMessage: rehearsal.outcome?.message ?? 'it neither ended nor moved on',
    asked: count,
    interruptions: rehearsal.interruptions,
    identical,
    differing: differing ?? [],
    timeScale: options.timeScale,
  });
  return {
    type: 'drill-report',
    run,
    level: options.level,
    outcome,
    finalStep: files[1]?.step ?? rehearsal.outcome?.step ?? null,
    identicalToUninterrupted: identical,
    interruptions: rehearsal.interruptions.map(shortened),
    noticeFit: noticeFit(
      rehearsal.interruptions,
      rehearsal.last.record.attempts.map((attempt) => attempt.status?.document.fit ?? null),
    ),
    ...judged,
  };
}

async function* one(
  options: DrillOptions,
  which: 'undisturbed' | 'interrupted',
  moments: ReturnType<typeof planMoments>,
): AsyncGenerator<DrillEvent, { readonly run: string; readonly rehearsal: Rehearsal }> {
  const { cloud, clock, user, signal, interrupt } = options;
  const startedMs = clock.monotonicMs();
  const { spec } = yield* launchRun({ cloud, clock, user }, options.plan, options.tools);
  yield { type: 'rehearsal-begun', which, run: spec.run };
  const rehearsal = yield* rehearse({ cloud, run: spec.run, clock, signal, moments, interrupt });
  const { outcome, last } = rehearsal;
  yield {
    type: 'rehearsal-ended',
    which,
    outcome: outcome?.status ?? 'unfinished',
    message: outcome?.message ?? '',
    finalStep: outcome?.step ?? null,
    tookMs: clock.monotonicMs() - startedMs,
    tail: last.tail,
  };
  return { run: spec.run, rehearsal };
}

/** How long the script itself ran in a run of one life. */
function trainingMs(rehearsal: Rehearsal, clock: Clock): number {
  const { attempts } = rehearsal.last.record;
  const ran = attempts.map((attempt) => attempt.outcome?.ranMs ?? 0).reduce((sum, ms) => sum + ms, 0);
  if (ran > 0) return ran;
  const started = attempts[0]?.started?.at;
  return started === undefined ? 0 : Math.max(0, clock.wallMs() - Date.parse(started));
}

function shortened(measured: MeasuredInterruption): InterruptionReport {
  const {
    kind,
    stepAtInterruption,
    durableStep,
    lostSteps,
    noticeToSigtermMs,
    sigtermToExitMs,
    flushMs,
    downtimeMs,
    resumedStep,
  } = measured;
  return {
    kind,
    stepAtInterruption,
    durableStep,
    lostSteps,
    noticeToSigtermMs,
    sigtermToExitMs,
    flushMs,
    downtimeMs,
    resumedStep,
  };
}
