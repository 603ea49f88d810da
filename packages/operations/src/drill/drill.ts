import type { DrillEvent, DrillReportEvent, InterruptionReport, MeasuredInterruption } from '@runctl/protocol/events';
import type { Clock } from '@runctl/core';
import { projectFiles } from '@runctl/workspace';
import type { Cloud } from '../cloud.ts';
import type { LaunchPlan } from '../launch/launch-plan.ts';
import { launchRun } from '../launch/launch-run.ts';
import type { Tools } from '../launch/tools.ts';
import { differingFiles, finalCheckpoint } from './final-files.ts';
import { lastWords } from './last-words.ts';
import { intervalsAfter } from './measure.ts';
import { planMoments, type InterruptionMoment, type Reference } from './moments.ts';
import { noticeFit } from './notice-fit.ts';
import { seededRandom } from './random.ts';
import { recipeFor } from './recipes.ts';
import { rehearse, type Rehearsal } from './rehearse.ts';
import { readSources } from './sources.ts';
import { judgeDrill } from './verdict.ts';
import { WrittenElsewhere } from './written-elsewhere.ts';

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
  /** Homes of the machines that there are now, as paths on this computer. */
  readonly homes: () => Promise<readonly string[]>;
}

interface Rehearsed {
  readonly run: string;
  readonly rehearsal: Rehearsal;
  readonly elsewhere: WrittenElsewhere;
}

/**
 * Rehearses interruptions of a plan on the given (local) cloud through the ordinary launch, and judges what came of them. A
 * script that fails undisturbed is not interrupted any more.
 */
export async function* drill(options: DrillOptions): AsyncGenerator<DrillEvent, DrillReportEvent> {
  const calm = options.compare ? yield* one(options, { which: 'undisturbed', moments: [], reference: null }) : null;
  if (calm !== null && calm.rehearsal.outcome?.status !== 'succeeded') return report(options, calm, null);
  const reference = calm === null ? null : await referenceOf(options, calm);
  const { interruptions, noNotice } = options;
  const moments = planMoments(seededRandom(options.seed), { interruptions, noNotice });
  const interrupted = yield* one(options, { which: 'interrupted', moments, reference });
  const { store } = options.cloud;
  const files = await Promise.all([
    calm === null ? null : finalCheckpoint(store, calm.run),
    finalCheckpoint(store, interrupted.run),
  ]);
  const differing = calm === null ? null : differingFiles(...files);
  const identical = differing === null ? null : differing.length === 0;
  if (calm !== null) yield { type: 'compared', identical, files: files[1]?.files.size ?? 0 };
  return report(options, interrupted, differing);
}

async function referenceOf({ cloud, clock }: DrillOptions, { run, rehearsal }: Rehearsed): Promise<Reference> {
  const finalStep = rehearsal.outcome?.step ?? (await finalCheckpoint(cloud.store, run))?.step ?? null;
  return { finalStep, trainingMs: trainingMs(rehearsal, clock) };
}

async function report(
  options: DrillOptions,
  { run, rehearsal, elsewhere }: Rehearsed,
  differing: readonly string[] | null,
): Promise<DrillReportEvent> {
  const { outcome, interruptions, last } = rehearsal;
  const left = await finalCheckpoint(options.cloud.store, run);
  const identical = differing === null ? null : differing.length === 0;
  const status = outcome?.status ?? 'unfinished';
  const { project } = options.plan.start;
  const recipe = recipeFor({
    script: project.script ?? '',
    recognisers: last.saves.map(({ recogniser }) => recogniser),
    sources: await readSources(project),
    output: last.tail,
  });
  const judged = judgeDrill({
    outcome: status,
    outcomeMessage: outcome?.message ?? 'it neither ended nor moved on',
    isDoubtful: outcome?.hiddenFailure !== undefined,
    lastWords: status === 'succeeded' ? null : lastWords(last.tail),
    asked: options.interruptions,
    interruptions,
    intervalsAfter: intervalsAfter(last),
    leftCheckpoint: left !== null,
    identical,
    differing: differing ?? [],
    timeScale: options.timeScale,
    recipe,
    elsewhere: elsewhere.advice(),
  });
  const fits = last.record.attempts.map((attempt) => attempt.status?.document.fit ?? null);
  return {
    type: 'drill-report',
    run,
    level: options.level,
    outcome: status,
    finalStep: left?.step ?? outcome?.step ?? null,
    identicalToUninterrupted: identical,
    interruptions: interruptions.map(shortened),
    noticeFit: noticeFit(interruptions, fits),
    framework: recipe.framework,
    ...judged,
  };
}

interface OneRun {
  readonly which: 'undisturbed' | 'interrupted';
  readonly moments: readonly InterruptionMoment[];
  readonly reference: Reference | null;
}

async function* one(
  options: DrillOptions,
  { which, moments, reference }: OneRun,
): AsyncGenerator<DrillEvent, Rehearsed> {
  const { cloud, clock, user, signal, interrupt } = options;
  const startedMs = clock.monotonicMs();
  const { spec } = yield* launchRun({ cloud, clock, user }, options.plan, options.tools);
  yield { type: 'rehearsal-begun', which, run: spec.run };
  const elsewhere = await watchElsewhere(options);
  const rehearsal = yield* rehearse({
    cloud,
    run: spec.run,
    clock,
    signal,
    moments,
    reference,
    elsewhere,
    interrupt,
  });
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
  return { run: spec.run, rehearsal, elsewhere };
}

async function watchElsewhere({ clock, homes, plan }: DrillOptions): Promise<WrittenElsewhere> {
  const { wish } = plan;
  const { project } = plan.start;
  const sent = new Set((await projectFiles(project.root, { exclude: [], include: [] })).files);
  const { dir: checkpointDir, outputDir } = wish.checkpoint;
  return new WrittenElsewhere({ clock, homes, sent, projectName: project.name, checkpointDir, outputDir });
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
    caughtTerm,
    sigtermToExitMs,
    flushMs,
    newCheckpoint,
    downtimeMs,
    resumedStep,
  } = measured;
  return {
    kind,
    stepAtInterruption,
    durableStep,
    lostSteps,
    noticeToSigtermMs,
    caughtTerm,
    sigtermToExitMs,
    flushMs,
    newCheckpoint,
    downtimeMs,
    resumedStep,
  };
}
