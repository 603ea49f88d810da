import { command, RunctlError } from '@runctl/core';
import {
  decodeDocument,
  runKeys,
  runSpec,
  sha256OfDocument,
  type LaunchMachines,
  type LaunchOutcome,
  type Market,
  type RunSpec,
} from '@runctl/protocol';
import { isStoreError, readBytes, type ObjectStore } from '@runctl/store';
import type { Provider } from '@runctl/provider';
import type { AskAnew } from '../follow/follow-capacity.ts';
import { indexRun } from '../launch/create-run.ts';
import { countablePlace } from '../launch/countable-budget.ts';
import { findPlace } from '../launch/find-place.ts';
import type { MachineWish } from '../launch/launch-plan.ts';
import type { LaunchPorts } from '../launch/launch-ports.ts';
import { startLaunch } from '../launch/start-launch.ts';
import { uploadTools, type ToolFinder } from '../launch/tools.ts';
import { createRunReader, runNotFound } from '../run/run-reader.ts';
import { savesAtStop } from '../run/stop-habit.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import { beingLaunched, standingOf } from '../run/standing.ts';
import { endCapacity } from '../stop/end-capacity.ts';
import { lastLaunch, type LaunchRecord, type RunRecord } from '../run/run-record.ts';

/** The spec that a run is to be launched again with. */
export interface KnownSpec {
  readonly sha256: string;
  /** Whence it is known, before the hash: `this computer launched or resumed`. */
  readonly source: string;
}

export interface ResumeRunOptions {
  readonly run: string;
  /** The agent and runtime of this runctl: those of an earlier launch may be older. */
  readonly tools: ToolFinder;
  /** Where to run; types that are empty mean those of the launch before, and no assumed price the one of before. */
  readonly wish: MachineWish & { readonly market: Market | null; readonly fallsBack: boolean };
  /** Null = whatever is in the bucket is taken. */
  readonly knownSpec: KnownSpec | null;
  /** Called before what an ended launch may have left is ended, which can take minutes. */
  readonly onLeftovers?: (launch: number) => void;
  readonly signal: AbortSignal;
}

export interface Resumed {
  readonly spec: RunSpec;
  /** Of the spec that was launched again. */
  readonly specSha256: string;
  readonly launch: number;
  readonly machines: LaunchMachines;
  readonly askAnew: AskAnew;
  readonly fromStep: number | null;
  /** Whether it may go on in another market. */
  readonly fallsBack: boolean;
  /** Of the place where it runs now; for people, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Launches a run again, from its last durable checkpoint. What is left of an ended launch is ended first. Errors:
 * `run-active` while the last launch may still work or another laptop begins one, `not-resumable` when the run has
 * succeeded, `not-as-launched` when its spec is not the known one, and those of `startLaunch`.
 */
export async function resumeRun(ports: LaunchPorts, options: ResumeRunOptions): Promise<Resumed> {
  const { cloud, clock } = ports;
  const key = runKeys(options.run).spec;
  const specBytes = await specAsKnown(cloud.store, key, options.knownSpec);
  const record = await createRunReader({ store: cloud.store, run: options.run, clock }).read();
  const before = lastLaunch(record);
  if (before?.outcome === undefined || before.outcome === null) await refuseActive(cloud.provider, record, before);
  else await endLeftovers(ports, { ...before, outcome: before.outcome }, options);
  const machineTypes = options.wish.machineTypes.length > 0 ? options.wish.machineTypes : typesOf(before);
  const market = options.wish.market ?? (before?.intent?.market === 'on-demand' ? 'on-demand' : null);
  const assumedPriceUsd = options.wish.assumedPriceUsd ?? before?.intent?.assumedPriceUsd ?? null;
  const wish = { ...options.wish, assumedPriceUsd };
  const found = await findPlace(cloud.provider, { ...wish, machineTypes, market });
  const launch = (before?.launch ?? 0) + 1;
  const spec = decodeDocument(runSpec, specBytes, key);
  const place = countablePlace(found, { budgetUsd: spec.policy.budgetUsd, assumedPriceUsd });
  const { architecture } = place;
  const { keys: tools } = await uploadTools(cloud.store, await options.tools({ architecture, isLocal: cloud.isLocal }));
  // A laptop may have died before it wrote the index: what costs money is always listed.
  await indexRun(cloud.store, spec);
  const { machines, askAnew } = await startLaunch(ports, {
    spec,
    specBytes,
    launch,
    tools,
    ...place,
    wish,
  });
  return {
    spec,
    specSha256: sha256OfDocument(specBytes),
    launch,
    machines,
    askAnew,
    fromStep: record.latest?.document.step ?? null,
    fallsBack: place.fallbackOffers.length > 0,
    warnings: place.warnings,
  };
}

/** What to know before a run is launched again. */
export interface BeforeResume {
  /** Of the spec as the bucket has it now. */
  readonly specSha256: string;
  /** Whether its lives saved at a stop, or caught SIGTERM; null where nothing tells. */
  readonly caughtTerm: boolean | null;
}

/** Looks at a run before anybody is asked whether to launch it again. Errors: `run-not-found`, StoreError. */
export async function lookBefore(store: ObjectStore, run: string): Promise<BeforeResume> {
  const [bytes, caughtTerm] = await Promise.all([
    specBytesOf(store, runKeys(run).spec),
    savesAtStop(store, run).catch(() => null),
  ]);
  return { specSha256: sha256OfDocument(bytes), caughtTerm };
}

/** An agent ends its launch and powers off right after its outcome is written. */
const CLEARED_UP_WITHIN_MS = 30_000;

/**
 * Whoever wrote how a launch ended may have died before its machines were gone: they would be paid for beside those of the
 * next one, and `stop` ends the newest alone.
 */
async function endLeftovers(
  ports: LaunchPorts,
  before: LaunchRecord & { readonly outcome: LaunchOutcome },
  { onLeftovers, signal }: Pick<ResumeRunOptions, 'onLeftovers' | 'signal'>,
): Promise<void> {
  const { clock } = ports;
  const { outcome } = before;
  const { run } = outcome;
  if (outcome.status === 'succeeded')
    throw new RunctlError('not-resumable', `${run} is done: ${outcome.message}`, {
      hint:
        outcome.durableStep === null
          ? 'launch the script again for a new run'
          : ['launch the script again for a new run; ', command('checkpoint pull', run), ' brings its last checkpoint'],
    });
  // Of clocks that differ the wait is no longer than it can ever be.
  const remainingMs = Date.parse(outcome.at) + CLEARED_UP_WITHIN_MS - clock.wallMs();
  const patienceMs = Math.min(CLEARED_UP_WITHIN_MS, Math.max(0, remainingMs));
  onLeftovers?.(before.launch);
  await endCapacity(ports, { run, launch: before, patienceMs, signal });
}

/**
 * A machine of the run may write its spec (docs/security.md), which says what the next one runs: machines obey the bytes that
 * a launch binds, and a launch binds those that this laptop knows.
 */
async function specAsKnown(store: ObjectStore, key: string, known: KnownSpec | null): Promise<Uint8Array> {
  const bytes = await specBytesOf(store, key);
  const sha256 = sha256OfDocument(bytes);
  if (known === null || sha256 === known.sha256) return bytes;
  refuseOlder(bytes, key);
  throw new RunctlError('not-as-launched', `${key} has SHA-256 ${sha256}; ${known.source} ${known.sha256}`, {
    hint: 'somebody changed what the run runs: read it, then launch the project anew, or add --accept-changed-spec',
  });
}

function specBytesOf(store: ObjectStore, key: string): Promise<Uint8Array> {
  return readBytes(store, key).catch((error: unknown) => {
    if (isStoreError(error, 'missing')) throw runNotFound(key.split('/')[1] ?? key);
    throw error;
  });
}

/** A run of an older format has a way on of its own. */
function refuseOlder(bytes: Uint8Array, key: string): void {
  try {
    decodeDocument(runSpec, bytes, key);
  } catch (error) {
    if (error instanceof RunctlError && error.code === 'older-format') throw error;
  }
}

async function refuseActive(provider: Provider, record: RunRecord, before: LaunchRecord | null): Promise<void> {
  const { run } = record.spec;
  const ref = before === null ? null : await capacityOf(provider, run, before);
  const [capacity, machines] = await Promise.all([ref === null ? null : provider.state(ref), provider.machines(run)]);
  const standing = standingOf({ record, capacity, machines });
  if (standing === 'stranded') return;
  if (standing === 'appearing') throw beingLaunched(run);
  throw new RunctlError('run-active', `${run} still goes on (launch ${before?.launch ?? 1})`, {
    hint: ['watch it with ', command('attach', run), ', or end it with ', command('stop', run)],
  });
}

function typesOf(before: LaunchRecord | null): readonly string[] {
  return [...new Set(before?.intent?.offers.map((offer) => offer.machineType))];
}
