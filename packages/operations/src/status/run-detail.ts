import type { CapacityRef, CapacityState, Provider, Recovery, RentedMachine } from '@runctl/provider';
import { isRunctlError, messageOf, type Clock, type Hint } from '@runctl/core';
import { manifest } from '@runctl/protocol';
import { providerProblemText } from '@runctl/protocol/events';
import type { Cloud } from '../cloud.ts';
import { readDocument } from '../documents.ts';
import { CapacityProblems } from '../follow/capacity-problems.ts';
import { missingPromises } from '../provider/missing-promises.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import { isActive, isLiving } from '../run/liveness.ts';
import { attemptsOf, lastLaunch, type AttemptRecord, type RunRecord } from '../run/run-record.ts';
import { createRunReader } from '../run/run-reader.ts';
import { hasEnded, stateOf, type RunState } from '../run/run-state.ts';
import { standingOf } from '../run/standing.ts';
import { unheardCost, type UnheardCost } from '../run/unheard.ts';

/** An agent ends its launch and powers off right after its outcome is written. */
const CLEARED_UP_WITHIN_MS = 120_000;

/** What the provider says; with a problem where it could not be asked. */
export interface ProviderView {
  readonly name: string;
  /** How the run gets another machine after one was lost. */
  readonly recovers: Recovery;
  /** Null when there is none. */
  readonly capacity: (CapacityState & { readonly id: string }) | null;
  readonly machines: readonly RentedMachine[];
  /** What it says why there is no machine, not yet or not again, each once. */
  readonly errors: readonly string[];
  /** Why it could not be asked; null when it was. */
  readonly problem: string | null;
  /** Which promises of runctl do not hold with this provider, and why. */
  readonly missing: readonly Hint[];
}

export interface RunDetail {
  readonly record: RunRecord;
  readonly state: RunState;
  readonly durable: { readonly step: number | null; readonly savedAt: string; readonly ageMs: number } | null;
  /** What is damaged or missing of that which tells what is durable and who holds the run, and what becomes of it; for people. */
  readonly damaged: readonly string[];
  /** Work that would be lost if the machine died now; null when nothing tells it. */
  readonly atRiskMs: number | null;
  readonly atRiskUsd: number | null;
  readonly pricePerHourUsd: number | null;
  readonly spentUsd: number | null;
  readonly provider: ProviderView;
  /** No machine lives and none will come, but nobody wrote how the launch ended: nothing will happen by itself. */
  readonly stranded: boolean;
  /** The run has ended longer ago than its machine needs to clear up, and the provider still has something of it. */
  readonly leftover: boolean;
  /** What it may cost where machines of the newest launch run, or ran, and no agent of it has spoken; null else. */
  readonly unheard: UnheardCost | null;
  /** Reading began this long ago by the monotonic clock, in ms. */
  readonly tookMs: number;
}

/** One run in detail, from the bucket and its provider. Errors: `run-not-found`, those of the codec, StoreError. */
export async function runDetail(cloud: Cloud, run: string, clock: Clock): Promise<RunDetail> {
  const startedMs = clock.monotonicMs();
  const record = await createRunReader({ store: cloud.store, run, clock }).read();
  const [{ durable, damaged }, provider] = await Promise.all([durableOf(cloud, record), providerView(cloud, record)]);
  const lease =
    record.damagedLease === null ? [] : [`${record.damagedLease}: its holder writes it anew, or a resume does`];
  const state = stateOf(record);
  const last = record.attempts.at(-1);
  const pricePerHourUsd = last?.status?.document.pricePerHourUsd ?? last?.started?.pricePerHourUsd ?? null;
  const atRiskMs = atRisk(state, last);
  return {
    record,
    state,
    durable,
    damaged: [...damaged, ...lease],
    atRiskMs,
    atRiskUsd: atRiskMs === null || pricePerHourUsd === null ? null : (atRiskMs / 3_600_000) * pricePerHourUsd,
    pricePerHourUsd,
    spentUsd: spent(record),
    provider,
    stranded: isStranded(record, state, provider),
    leftover: isLeftover(record, state, provider),
    unheard: unheardOf(cloud, record, { state, provider }),
    tookMs: clock.monotonicMs() - startedMs,
  };
}

async function durableOf(cloud: Cloud, record: RunRecord): Promise<Pick<RunDetail, 'durable' | 'damaged'>> {
  const { latest, damagedLatest, readAtMs } = record;
  if (damagedLatest !== null)
    return { durable: null, damaged: [`${damagedLatest}: a resume takes the newest manifest that is listed`] };
  if (latest === null) return { durable: null, damaged: [] };
  const { step, manifest: key, at } = latest.document;
  const found = await manifestAt(cloud, key);
  const savedAt = found.savedAt ?? at;
  const durable = { step, savedAt, ageMs: Math.max(0, readAtMs - Date.parse(savedAt)) };
  const damaged = found.problem === undefined ? [] : [`${found.problem}: a resume takes the checkpoint before it`];
  return { durable, damaged };
}

async function manifestAt(cloud: Cloud, key: string): Promise<{ savedAt?: string; problem?: string }> {
  try {
    const found = await readDocument(cloud.store, manifest, key);
    return found === null ? { problem: `${key} is missing` } : { savedAt: found.document.savedAt };
  } catch (error) {
    if (!isRunctlError(error, 'internal')) throw error;
    return { problem: error.message };
  }
}

async function providerView({ provider }: Cloud, record: RunRecord): Promise<ProviderView> {
  const { name, can } = provider;
  const recovers = can.recovers.value;
  const launch = lastLaunch(record);
  const missing = missingPromises(can);
  try {
    // A launch that has ended without a reference never had machines.
    const isOver = launch === null || (launch.machines === null && launch.outcome !== null);
    const ref = isOver ? null : await capacityOf(provider, record.spec.run, launch);
    const [machines, state] = await Promise.all([
      provider.machines(record.spec.run),
      ref === null ? null : provider.state(ref),
    ]);
    const own = machines.filter((machine) => machine.launch === launch?.launch);
    const errors =
      ref === null || !mayMiss(record, own) ? [] : await errorsOf(provider, ref, sinceLastMachine(record, own));
    const capacity = ref === null || state === null ? null : { id: provider.nameOf(ref), ...state };
    return { name, recovers, capacity, machines, errors, problem: null, missing };
  } catch (error) {
    return { name, recovers, capacity: null, machines: [], errors: [], problem: messageOf(error), missing };
  }
}

async function errorsOf(provider: Provider, ref: CapacityRef, sinceMs: number): Promise<readonly string[]> {
  const problems = new CapacityProblems();
  for (const event of (await provider.events(ref, sinceMs)).events) problems.add(event);
  return problems.list().map(providerProblemText);
}

/** Whether a launch has no machine now that it wants one, or ended without one. */
function mayMiss(record: RunRecord, machines: readonly RentedMachine[]): boolean {
  const launch = lastLaunch(record);
  if (launch === null || launch.outcome === null) return !machines.some(isLiving);
  return machines.length === 0 && attemptsOf(record, launch.launch).length === 0;
}

/** What was said before the last machine came held until then. */
function sinceLastMachine({ attempts }: RunRecord, machines: readonly RentedMachine[]): number {
  const lives = attempts.map(({ started }) => (started === null ? 0 : Date.parse(started.at)));
  return Math.max(0, ...lives, ...machines.map(({ launchedAtMs }) => launchedAtMs));
}

function isStranded(record: RunRecord, state: RunState, { problem, capacity, machines }: ProviderView): boolean {
  if (hasEnded(state) || problem !== null) return false;
  return standingOf({ record, capacity, machines }) === 'stranded';
}

const UNHEARD: ReadonlySet<RunState['kind']> = new Set(['launching', 'provisioning', 'boot-failing']);

function unheardOf(
  { provider: { can } }: Cloud,
  { spec, readAtMs, launches }: RunRecord,
  { state, provider }: { readonly state: RunState; readonly provider: ProviderView },
): UnheardCost | null {
  const launch = launches.at(-1);
  const hasMachine = provider.machines.some((machine) => machine.launch === launch?.launch);
  if (!UNHEARD.has(state.kind) || !hasMachine || !isActive(provider.capacity)) return null;
  const intent = launch?.intent ?? null;
  return intent === null
    ? null
    : unheardCost(intent, { nowMs: readAtMs, nodes: spec.nodes, expires: can.expires.value });
}

/** By the clock of whoever wrote the outcome: a wrong one makes this early or late, not the machine cheaper. */
function isLeftover(record: RunRecord, state: RunState, provider: ProviderView): boolean {
  const at = lastLaunch(record)?.outcome?.at;
  if (!hasEnded(state) || at === undefined || record.readAtMs - Date.parse(at) < CLEARED_UP_WITHIN_MS) return false;
  return isActive(provider.capacity) || provider.machines.some(isLiving);
}

/** What the agent said, and the time that passed since it said so. */
function atRisk(state: RunState, attempt: AttemptRecord | undefined): number | null {
  if (state.kind !== 'active' && state.kind !== 'silent') return null;
  const status = attempt?.status;
  if (status === null || status === undefined || status.document.atRiskMs === null) return null;
  return status.document.atRiskMs + status.ageMs;
}

/** Dollars over all lives; a life that never said its end counts until its last heartbeat. Null when a price is unknown. */
function spent(record: RunRecord): number | null {
  const costs = record.attempts.map(costOf);
  return costs.some((cost) => cost === null) ? null : costs.reduce((sum: number, cost) => sum + (cost ?? 0), 0);
}

function costOf(attempt: AttemptRecord): number | null {
  if (attempt.outcome !== null) return attempt.outcome.costUsd;
  const price = attempt.started?.pricePerHourUsd ?? attempt.status?.document.pricePerHourUsd ?? null;
  const beginning = attempt.started?.at;
  const end = attempt.status?.document.at ?? beginning;
  if (price === null || beginning === undefined || end === undefined) return null;
  return (Math.max(0, Date.parse(end) - Date.parse(beginning)) / 3_600_000) * price;
}
