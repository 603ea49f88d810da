import { type Clock, inParallel, isRunctlError } from '@runctl/core';
import {
  bucketKeys,
  defaultTiming,
  indexDocument,
  launchIntent,
  launchOutcome,
  parseIndexKey,
  parseLaunchKey,
  runKeys,
  timestampOf,
} from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';
import { APPEARS_WITHIN_MS } from '../run/liveness.ts';
import { newestAttempt } from '../run/newest-attempt.ts';
import type { LaunchRecord } from '../run/run-record.ts';
import { runState, type RunState } from '../run/run-state.ts';
import { unheardCost, type UnheardCost } from '../run/unheard.ts';

const PARALLEL_RUNS = 24;

/** States in which a machine is to come, as far as the bucket tells. */
const WAITING: ReadonlySet<string> = new Set(['launching', 'provisioning', 'recovering']);

/** One line of the table: what the newest documents of a run say. */
export interface RunRow {
  readonly run: string;
  readonly name: string | null;
  /** What a list calls the workload. */
  readonly workload: string;
  readonly createdAt: string;
  readonly state: RunState;
  readonly step: number | null;
  readonly durableStep: number | null;
  readonly machineType: string | null;
  readonly location: string | null;
  readonly market: string | null;
  readonly pricePerHourUsd: number | null;
  readonly spentUsd: number | null;
  readonly interruptions: number | null;
  /** Age of the newest heartbeat; null when there is none. */
  readonly heartbeatAgeMs: number | null;
  /** How long the run waits for a machine, by the newest document; null when it does not. Only the provider knows whether one comes. */
  readonly waitingMs: number | null;
  /** As in `RunDetail`, where the documents alone tell: nothing was ever asked for. */
  readonly stranded: boolean;
  /**
   * What it may cost when its machines boot and never speak: of a launch whose first agent is overdue. Only the provider knows
   * whether it has machines.
   */
  readonly unheard: UnheardCost | null;
}

/** What is asked for is to speak by then: a machine is there in seconds, and boots in a minute or two. */
const OVERDUE_MS = 300_000;

/** A laptop that dies right after it asked leaves `launching` behind, and perhaps machines. */
const UNHEARD: ReadonlySet<string> = new Set(['launching', 'provisioning']);

/**
 * The newest runs, newest first, behind those whose first agent is overdue: one page of the index, then two listings and one
 * or two small reads for each run. `expires`: whether the provider ends launches in time.
 */
export async function listRuns(
  store: ObjectStore,
  options: { limit: number; clock: Clock; expires: boolean },
): Promise<readonly RunRow[]> {
  const keys: string[] = [];
  for await (const info of store.list({ prefix: bucketKeys.indexFolder(), limit: options.limit })) {
    if (parseIndexKey(info.key) !== null) keys.push(info.key);
  }
  const summaries = await inParallel(keys, { concurrency: PARALLEL_RUNS }, (key) => summarise(store, key, options));
  const rows = summaries.filter((summary) => summary !== null);
  return [...rows.filter(({ unheard }) => unheard !== null), ...rows.filter(({ unheard }) => unheard === null)];
}

async function summarise(
  store: ObjectStore,
  indexKey: string,
  { clock, expires }: { readonly clock: Clock; readonly expires: boolean },
): Promise<RunRow | null> {
  const parsed = parseIndexKey(indexKey);
  if (parsed === null) return null;
  try {
    return await summariseRun({ store, clock, expires, indexKey, run: parsed.run });
  } catch (error) {
    if (!isRunctlError(error, 'older-format')) throw error;
    return { ...unknownRow, run: parsed.run, createdAt: timestampOf(parsed.createdMs), state: { kind: 'older' } };
  }
}

const unknownRow: Omit<RunRow, 'run' | 'createdAt' | 'state'> = {
  name: null,
  workload: '',
  step: null,
  durableStep: null,
  machineType: null,
  location: null,
  market: null,
  pricePerHourUsd: null,
  spentUsd: null,
  interruptions: null,
  heartbeatAgeMs: null,
  waitingMs: null,
  stranded: false,
  unheard: null,
};

/** Errors: those of the codec, StoreError. */
async function summariseRun(of: {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly expires: boolean;
  readonly indexKey: string;
  readonly run: string;
}): Promise<RunRow | null> {
  const { store, clock, indexKey, run } = of;
  const [index, launch, attempt] = await Promise.all([
    readDocument(store, indexDocument, indexKey),
    newestLaunch(store, run),
    newestAttempt(store, run),
  ]);
  if (index === null) return null;
  const status = attempt?.status ?? null;
  const heartbeat = status?.document;
  const state = runState({
    launches: launch === null ? [] : [launch],
    attempts: attempt === null ? [] : [attempt],
    boots: [],
    heartbeatMs: defaultTiming.heartbeatMs,
  });
  const { createdAt } = index.document;
  const waitingMs = WAITING.has(state.kind)
    ? Math.max(0, clock.wallMs() - Math.max(Date.parse(createdAt), launch?.changedMs ?? 0, attempt?.changedMs ?? 0))
    : null;
  return {
    run,
    name: index.document.name,
    workload: index.document.workload,
    createdAt,
    state,
    step: launch?.outcome?.step ?? heartbeat?.step ?? null,
    durableStep: launch?.outcome?.durableStep ?? heartbeat?.durable?.step ?? null,
    machineType: heartbeat?.machineType ?? null,
    location: heartbeat?.location ?? null,
    market: heartbeat?.market ?? null,
    pricePerHourUsd: heartbeat?.pricePerHourUsd ?? null,
    spentUsd: heartbeat?.budget.spentUsd ?? null,
    interruptions: heartbeat?.interruptions ?? null,
    heartbeatAgeMs: status?.ageMs ?? null,
    waitingMs,
    stranded: launch === null && waitingMs !== null && waitingMs >= APPEARS_WITHIN_MS,
    unheard: await unheardOf(of, { launch, state, waitingMs }),
  };
}

/** One more read, for a launch from which nobody has heard when he should. */
async function unheardOf(
  { store, clock, expires, run }: Parameters<typeof summariseRun>[0],
  at: { readonly launch: LaunchRecord | null; readonly state: RunState; readonly waitingMs: number | null },
): Promise<UnheardCost | null> {
  const { launch, state, waitingMs } = at;
  if (launch === null || !UNHEARD.has(state.kind) || (waitingMs ?? 0) < OVERDUE_MS) return null;
  const intent = await readDocument(store, launchIntent, runKeys(run).launch(launch.launch).intent);
  return intent === null ? null : unheardCost(intent.document, { nowMs: clock.wallMs(), nodes: 1, expires });
}

async function newestLaunch(
  store: ObjectStore,
  run: string,
): Promise<(LaunchRecord & { readonly changedMs: number }) | null> {
  const documents = new Set<string>();
  let changedMs = 0;
  let newest = 0;
  for await (const info of store.list({ prefix: runKeys(run).launchesFolder })) {
    const parsed = parseLaunchKey(info.key);
    if (parsed === null) continue;
    if (parsed.launch > newest) documents.clear();
    newest = parsed.launch;
    changedMs = Math.max(changedMs, info.lastModifiedMs);
    documents.add(parsed.document);
  }
  if (newest === 0) return null;
  const keys = runKeys(run).launch(newest);
  const outcome = documents.has('outcome') ? await readDocument(store, launchOutcome, keys.outcome) : null;
  // Of the machines only its being there counts here.
  const machines = documents.has('machines') ? ({} as LaunchRecord['machines']) : null;
  return { launch: newest, intent: null, machines, outcome: outcome?.document ?? null, changedMs };
}
