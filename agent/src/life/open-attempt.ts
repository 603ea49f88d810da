import { prepareWorkload } from '../preparation/prepare.ts';
import { AttemptBeginning } from './attempt/attempt-beginning.ts';
import { attemptCommand } from './attempt/attempt-command.ts';
import { AttemptDrain } from './attempt/attempt-drain.ts';
import { AttemptEnding } from './attempt/attempt-ending.ts';
import { AttemptFlush } from './attempt/attempt-flush.ts';
import { AttemptLife } from './attempt/attempt-life.ts';
import { AttemptPasses } from './attempt/attempt-passes.ts';
import { followPhase } from './attempt/attempt-phases.ts';
import { attemptVerdict } from './attempt/attempt-verdict.ts';
import { AttemptWorkload } from './attempt/attempt-workload.ts';
import { cleanUpBeside, recallStops, renewLeaseBeside } from './attempt/beside-attempt.ts';
import { drainedDocument } from './attempt/drained-document.ts';
import { showFlush } from './attempt/flush-wait.ts';
import { shipperOf } from './generation.ts';
import type { OpenedAttempt } from './generation-life.ts';
import { outcomeDocument } from './attempt/outcome-document.ts';
import { type AttemptReport, reportAttempt } from './attempt/report-attempt.ts';
import { reportStart } from './attempt/report-start.ts';
import type { SharedParts } from './shared-parts.ts';

/** Puts the attempt of one generation together. */
export function openAttempt(shared: SharedParts, generation: number): OpenedAttempt {
  const { checkpoints, clock, journal, life, log, machine, paths, timing } = shared;
  const { traffic, uploadStore } = machine;
  const shipper = shipperOf({ ...shared, uploadStore }, generation);
  const passes = new AttemptPasses(shared);
  const drain = new AttemptDrain({ ...shared, preemptPath: paths.preempt });
  const workload = new AttemptWorkload({ ...shared, drain }, (startedMs) => passes.begin(startedMs));
  const showWait = (signal: AbortSignal) => showFlush({ ...shared, traffic }, signal);
  const flush = new AttemptFlush({ passes, shipper, checkpoints, showWait, traffic, timing, clock, log });
  const ending = new AttemptEnding({ workload, drain, flush, journal, judge: judgeOf(shared), clock });
  const { priority } = machine;
  const attempt = new AttemptLife(
    {
      beginning: beginningOf(shared, workload),
      workload,
      flush,
      ending,
      onTransition: (before, after) => followPhase({ life, priority, drain }, before, after),
    },
    shared,
  );
  return { attempt, passes, shipper, company: (signal) => companyOf(shared, { shipper, generation }, signal) };
}

function beginningOf(shared: SharedParts, workload: AttemptWorkload): AttemptBeginning {
  const { life, machine, preparation, self } = shared;
  const { agentVersion } = machine;
  return new AttemptBeginning({
    prepare: (signal) => prepareWorkload(preparation, signal),
    commandOf: (prepared) => attemptCommand({ ...shared, node: self.node }, prepared),
    reportStart: (prepared) => reportStart({ ...shared, agentVersion }, prepared),
    workload,
    life,
  });
}

function judgeOf(shared: SharedParts) {
  const parts = {
    ...shared,
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
  { shipper, generation }: Pick<OpenedAttempt, 'shipper'> & { readonly generation: number },
  signal: AbortSignal,
): Promise<unknown> {
  return Promise.all([
    shipper.run(signal),
    renewLeaseBeside(shared, signal),
    cleanUpBeside(shared, generation, signal),
    recallStops(shared, generation, signal),
  ]);
}
