import { existsSync } from 'node:fs';
import type { Ending } from '../lifecycle/model.ts';
import { attemptPolicy } from '../lifecycle/windows.ts';
import { prepareWorkload } from '../preparation/prepare.ts';
import { ElsewhereWatch } from '../reporting/elsewhere-watch.ts';
import { LifeEvents } from '../reporting/life-events.ts';
import type { LogShipper } from '../reporting/shipper.ts';
import { ResumeWatch } from '../reporting/resume-watch.ts';
import { AttemptBeginning } from './attempt/attempt-beginning.ts';
import { attemptCommand } from './attempt/attempt-command.ts';
import { AttemptDrain } from './attempt/attempt-drain.ts';
import { AttemptEnding } from './attempt/attempt-ending.ts';
import { AttemptFlush } from './attempt/attempt-flush.ts';
import { AttemptLife } from './attempt/attempt-life.ts';
import { AttemptOutput } from './attempt/attempt-output.ts';
import { AttemptPasses } from './attempt/attempt-passes.ts';
import { followPhase } from './attempt/attempt-phases.ts';
import { attemptVerdict, isAnythingKept } from './attempt/attempt-verdict.ts';
import { AttemptWorkload } from './attempt/attempt-workload.ts';
import { cleanUpBeside, recallStops, renewLeaseBeside } from './attempt/beside-attempt.ts';
import { drainedDocument } from './attempt/drained-document.ts';
import { DoneScript } from './attempt/done-script.ts';
import { showFlush } from './attempt/flush-wait.ts';
import { declareDone } from './declare-done.ts';
import { shipperOf } from './generation.ts';
import { hasLaunchSucceeded } from './launch-end.ts';
import { outcomeOf } from './launch-outcome.ts';
import { launchCapacity } from './refusal.ts';
import type { OpenedAttempt } from './generation-life.ts';
import { outcomeDocument } from './attempt/outcome-document.ts';
import { type AttemptReport, reportAttempt } from './attempt/report-attempt.ts';
import { SaveWatch } from './attempt/save-watch.ts';
import { reportStart } from './attempt/report-start.ts';
import { appendRestart } from './attempt/restart-events.ts';
import { StartFacts } from './attempt/start-facts.ts';
import { UnprovenSaves } from './attempt/unproven-saves.ts';
import type { SharedParts } from './shared-parts.ts';

/** A look at what is written elsewhere takes so many heartbeats. */
const LOOK_BEATS = 4;

/** Puts the attempt of one generation together. */
export function openAttempt(shared: SharedParts, generation: number): OpenedAttempt {
  const { checkpoints, clock, journal, life, log, machine, paths, timing } = shared;
  const { traffic, uploadStore } = machine;
  const shipper = shipperOf({ ...shared, uploadStore }, generation);
  const events = new LifeEvents(shared);
  const resume = new ResumeWatch({ ...shared, events });
  const progress = resume.observing(shared.progress);
  const passes = new AttemptPasses({ ...shared, progress });
  const output = new AttemptOutput(shared);
  const saves = new SaveWatch(shared);
  const drain = new AttemptDrain({ ...shared, preemptPath: paths.preempt, saves });
  const unproven = new UnprovenSaves(shared);
  const done = doneScriptOf(shared, { passes, unproven });
  const { home } = machine.account;
  const elsewhere = new ElsewhereWatch({ ...shared, events, home, everyMs: LOOK_BEATS * timing.heartbeatMs });
  const workload = new AttemptWorkload({ ...shared, drain, progress }, (startedMs) => {
    passes.begin(startedMs);
    output.begin();
    elsewhere.startsAt(startedMs);
    elsewhere.begin();
  });
  const showWait = (signal: AbortSignal) => showFlush({ ...shared, traffic }, signal);
  const isFinished = ({ cause, exit }: Ending) => existsSync(paths.done) || (cause === 'exited' && exit?.code === 0);
  const kept = { passes, output, unproven, shipper, checkpoints };
  const flush = new AttemptFlush({ ...kept, isFinished, showWait, traffic, timing, clock, log });
  const isDecided = () => done.isDecided;
  const withinMs = timing.unhurriedReportMs / 4;
  const hasSucceeded = (signal: AbortSignal) => hasLaunchSucceeded({ ...shared, withinMs }, signal);
  const { findInterpreter, priority } = machine;
  const facts = new StartFacts({ ...shared, findInterpreter });
  const judge = judgeOf(shared, events);
  const shown = { events, facts, elsewhere };
  const ending = new AttemptEnding({
    ...shown,
    unproven,
    workload,
    isDecided,
    hasSucceeded,
    drain,
    flush,
    journal,
    judge,
    life,
    clock,
  });
  const attempt = new AttemptLife(
    {
      beginning: beginningOf(shared, { ...shown, workload, resume }),
      workload,
      flush,
      ending,
      done: (watch) => done.wait(watch),
      onTransition: (before, after) => followPhase({ life, priority, drain, output }, before, after),
    },
    { ...shared, policy: attemptPolicy(shared.spec) },
  );
  return { attempt, passes, shipper, company: (signal) => companyOf(shared, { shipper, generation, events }, signal) };
}

type DoneParts = Pick<ConstructorParameters<typeof DoneScript>[0], 'passes'>;

function doneScriptOf(
  shared: SharedParts,
  { passes, unproven }: DoneParts & { readonly unproven: UnprovenSaves },
): DoneScript {
  return new DoneScript({ ...shared, passes, donePath: shared.paths.done }, (candidates, signal) => {
    // They are sent after the end of the script, so that they put off no outcome.
    unproven.announce(candidates);
    return declaring(shared, unproven.text, signal);
  });
}

async function declaring(shared: SharedParts, unproven: string | null, signal: AbortSignal): Promise<boolean> {
  const { host, machine, self } = shared;
  const isKept = (): boolean => isAnythingKept(shared);
  const ending: Parameters<typeof declareDone>[0]['outcomeOf'] = (how, until) => outcomeOf(shared, how, until);
  const capacity = () => launchCapacity(shared);
  const { node } = self;
  const { leaseLook } = machine;
  const parts = {
    ...shared,
    leaseLook,
    node,
    outcomeOf: ending,
    isKept,
    unproven,
    successors: host.successors,
    capacity,
  };
  return declareDone(parts, signal);
}

interface StartParts {
  readonly workload: AttemptWorkload;
  readonly events: LifeEvents;
  readonly resume: ResumeWatch;
  readonly facts: StartFacts;
  readonly elsewhere: ElsewhereWatch;
}

function beginningOf(
  shared: SharedParts,
  { workload, events, resume, facts, elsewhere }: StartParts,
): AttemptBeginning {
  const { journal, life, machine, preparation, self } = shared;
  const { agentVersion } = machine;
  return new AttemptBeginning({
    prepare: (signal) => prepareWorkload(preparation, signal),
    commandOf: (prepared) => attemptCommand({ ...shared, node: self.node }, prepared),
    reportStart: (prepared) => reportStart({ ...shared, agentVersion }, prepared),
    beforeStart: async (prepared) => {
      await appendRestart({ journal, events }, prepared);
      elsewhere.startsAt(shared.clock.wallMs());
      const { resumeFrom, resumedFrom } = prepared;
      await resume.begin(resumeFrom === null ? null : { entry: resumeFrom, step: resumedFrom?.step ?? null });
    },
    workload,
    facts,
    life,
  });
}

function judgeOf(shared: SharedParts, events: LifeEvents) {
  const parts = {
    ...shared,
    events,
    drainedOf: (report: AttemptReport) => drainedDocument(shared, report),
    outcomeOf: (...[report, verdict, signal]: Parameters<Parameters<typeof reportAttempt>[0]['outcomeOf']>) =>
      outcomeDocument(shared, { report, verdict }, signal),
  };
  const donePath = shared.paths.done;
  return {
    verdictOn: (ended: Parameters<typeof attemptVerdict>[1]) => attemptVerdict({ ...shared, donePath }, ended),
    report: (report: AttemptReport, signal: AbortSignal) => reportAttempt(parts, report, signal),
  };
}

function companyOf(
  shared: SharedParts,
  {
    events,
    generation,
    shipper,
  }: { readonly events: LifeEvents; readonly generation: number; readonly shipper: LogShipper },
  signal: AbortSignal,
): Promise<unknown> {
  return Promise.all([
    shipper.run(signal),
    events.run(signal),
    renewLeaseBeside(shared, signal),
    cleanUpBeside(shared, generation, signal),
    recallStops(shared, generation, signal),
  ]);
}
