import { StopBoard } from '../driver/stop-board.ts';
import { FitKeeper } from '../fit/fit-keeper.ts';
import type { Journal } from '../journal/journal.ts';
import type { PreparationContext } from '../preparation/prepare.ts';
import type { AgentSelf } from '../reporting/document-head.ts';
import { LifeState } from '../reporting/life-state.ts';
import { createProgressReader } from '../reporting/progress.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import { CurrentAttempt } from './attempt/current-attempt.ts';
import { type LearnedFacts, runFolders } from './learn.ts';
import type { AgentPorts } from './ports.ts';
import { priceOf } from './price.ts';

/** The base of an agent's life once it knows its run. */
export interface Known {
  readonly ports: AgentPorts;
  readonly journal: Journal;
  readonly documents: RunDocuments;
  readonly learned: LearnedFacts;
  readonly node: number;
}

/** All that the assembly hands out. The parts themselves name what they take of it; none takes the whole. */
export type SharedParts = ReturnType<typeof sharedParts>;

/** Makes what several parts of one life share. */
export function sharedParts({ ports, journal, documents, learned, node }: Known) {
  const { spec, intent, identity } = learned;
  const { clock, config, host, log, paths } = ports;
  const { timing } = spec;
  const { run, launch } = config;
  const price = priceOf(intent, identity, spec.policy.budgetUsd);
  const self: AgentSelf = { run, launch, node, identity, pricePerHourUsd: price.usd };
  const lease = ports.lease({ owner: identity.machineId, launch, spec });
  const folders = runFolders(spec, ports.account.home);
  const progress = createProgressReader({ ...paths, stepPattern: spec.checkpoint.stepPattern });
  const life = new LifeState(clock);
  if (price.doubt !== null) life.warn(price.doubt);
  const checkpoints = ports.checkpoints({
    folder: folders.checkpoint,
    settleMs: timing.settleMs,
    node,
    nodes: spec.nodes,
    mayPublish: () => lease.mayPublish(),
    progressStep: (atMs) => progress.stepAt(atMs),
    progressMetrics: (at) => progress.metricsAt(at),
    keep: spec.checkpoint.keep,
  });
  const keeper =
    node > 0
      ? null
      : ports.output({
          // Without an output folder nothing but files besides are kept.
          folder: folders.output ?? folders.checkpoint,
          checkpointFolder: folders.checkpoint,
          settleMs: timing.settleMs,
          mayPublish: () => lease.mayPublish(),
        });
  const output = folders.output === null ? null : keeper;
  const preparation: PreparationContext = { ports, facts: learned, folders, journal, life, checkpoints, output };
  return {
    clock,
    log,
    host,
    paths,
    timing,
    spec,
    learned,
    self,
    journal,
    documents,
    lease,
    folders,
    progress,
    checkpoints,
    keeper,
    output,
    preparation,
    life,
    current: new CurrentAttempt(),
    stops: new StopBoard(clock),
    supervisor: ports.supervisor(timing),
    fit: new FitKeeper(folders.checkpoint, spec),
    machine: ports,
  };
}
