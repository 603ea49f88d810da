import { command, isRunctlError, messageOf, newNonce, RunctlError } from '@runctl/core';
import type { BootRequest, CapacityRef, CapacityRequest, LaunchedCapacity } from '@runctl/provider';
import {
  encodeDocument,
  FORMAT_VERSION,
  launchIntent,
  launchMachines,
  runKeys,
  sha256OfDocument,
  timestampOf,
  type LaunchIntent,
  type LaunchMachines,
  type LaunchTools,
  type RunSpec,
} from '@runctl/protocol';
import { createDocument } from '../documents.ts';
import type { AskAnew } from '../follow/follow-capacity.ts';
import type { LaunchPlace, MachineWish } from './launch-plan.ts';
import type { LaunchPorts } from './launch-ports.ts';
import { longestLaunchMs } from './longest-launch.ts';
import { notEnded } from './not-ended.ts';
import { replaceCapacity } from './replace-capacity.ts';
import { isUncertain } from '../provider/uncertain.ts';

interface StartRequest extends Omit<LaunchPlace, 'quotas' | 'warnings'> {
  readonly spec: RunSpec;
  /** The spec's bytes in the bucket: machines of this launch obey these alone. */
  readonly specBytes: Uint8Array;
  readonly launch: number;
  readonly tools: LaunchTools;
  readonly wish: MachineWish;
}

/**
 * Stores the intent, asks the provider for the machines, stores under what reference it knows them. The intent comes first,
 * so that a laptop that dies in between leads to one capacity, which the provider finds by run and launch. Errors:
 * `run-active` when this launch was already begun by another; those of the provider, after which nothing of the launch is
 * left that costs money (or the message says what is).
 */
export async function startLaunch(ports: LaunchPorts, request: StartRequest): Promise<StartedLaunch> {
  const { cloud, clock } = ports;
  const { spec, launch } = request;
  const keys = runKeys(spec.run).launch(launch);
  const intent = makeIntent(ports, request);
  if (!(await createDocument(cloud.store, { key: keys.intent, schema: launchIntent }, intent)))
    throw new RunctlError('run-active', `launch ${launch} of ${spec.run} was begun by somebody else just now`, {
      hint: [command('status', spec.run), ' shows it'],
    });
  const make = (changes: Partial<CapacityRequest> = {}): Promise<CapacityRef> =>
    cloud.provider.launch({
      token: intent.token,
      run: spec.run,
      launch,
      runName: spec.name,
      project: spec.project?.name ?? spec.run,
      user: ports.user,
      target: request.target,
      boot: bootOf(cloud, request, intent),
      offers: request.offers,
      market: request.market,
      mayChangeMarket: request.fallbackOffers.length > 0,
      nodes: spec.nodes,
      validUntilMs: Date.parse(intent.validUntil),
      ...changes,
    });
  try {
    const machines: LaunchMachines = {
      version: FORMAT_VERSION,
      run: spec.run,
      launch,
      at: timestampOf(clock.wallMs()),
      provider: cloud.provider.name,
      ref: await make(),
      replacing: null,
    };
    await createDocument(cloud.store, { key: keys.machines, schema: launchMachines }, machines);
    return { machines, askAnew: askingAnew(ports, { machines, intent }, make) };
  } catch (error) {
    throw await undoLaunch(ports, { run: spec.run, launch, make, cause: error });
  }
}

interface StartedLaunch {
  readonly machines: LaunchMachines;
  readonly askAnew: AskAnew;
}

/** Asks for the same machines in another market, with a token of its own. */
function askingAnew(
  ports: LaunchPorts,
  { machines: before, intent }: { readonly machines: LaunchMachines; readonly intent: LaunchIntent },
  make: (changes: Partial<CapacityRequest>) => Promise<CapacityRef>,
): AskAnew {
  return async (market) => {
    const priced = intent.fallbackOffers?.filter((offer) => offer.market === market) ?? [];
    const unpriced = intent.offers.map((offer) => ({ ...offer, market, pricePerHourUsd: null }));
    const offers = priced.length > 0 ? priced : unpriced;
    const ask = (): Promise<CapacityRef> => make({ token: `${intent.token}-b`, market, offers });
    const after = await replaceCapacity(ports, { before, market, ask });
    return after === null ? null : ports.cloud.provider.nameOf(after.ref);
  };
}

/** What a machine does at its first boot. */
function bootOf(cloud: LaunchPorts['cloud'], request: StartRequest, intent: LaunchIntent): BootRequest {
  const { bucket, prefix, region } = cloud;
  const { spec, specBytes, launch, tools } = request;
  const written = {
    specSha256: sha256OfDocument(specBytes),
    intentSha256: sha256OfDocument(encodeDocument(launchIntent, intent)),
  };
  return {
    config: { version: FORMAT_VERSION, run: spec.run, launch, bucket, prefix, region, written },
    tools,
    bootGuardMs: spec.timing.bootGuardMs,
    refusedMs: spec.timing.refusedMs,
    standstillMs: spec.timing.standstillMs,
  };
}

function makeIntent(ports: LaunchPorts, request: StartRequest): LaunchIntent {
  const { spec, launch, tools, wish } = request;
  const nowMs = ports.clock.wallMs();
  const nonce = newNonce();
  return {
    version: FORMAT_VERSION,
    run: spec.run,
    launch,
    at: timestampOf(nowMs),
    provider: ports.cloud.provider.name,
    target: request.target,
    tools,
    arguments: null,
    // With the nonce: a launch that was undone may be begun again, and a provider answers to its old token with what has ended.
    token: `runctl-${spec.run}-${launch}-${nonce}`,
    market: request.market,
    offers: [...request.offers],
    ...(request.fallbackOffers.length === 0 ? {} : { fallbackOffers: [...request.fallbackOffers] }),
    ...(wish.assumedPriceUsd === null ? {} : { assumedPriceUsd: wish.assumedPriceUsd }),
    validUntil: timestampOf(nowMs + longestLaunchMs({ ...request, ...wish, ...spec.policy, nodes: spec.nodes })),
    by: ports.user,
    nonce,
  };
}

interface FailedLaunch {
  readonly run: string;
  readonly launch: number;
  /** The same request once more. */
  readonly make: () => Promise<CapacityRef>;
  readonly cause: unknown;
}

/** A provider shows what it has made after seconds. */
const SHOWN_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 1000;

/**
 * What the failed launch made. Where an answer was lost, a new capacity may not be shown yet, but the same request with its
 * token answers with it; what that makes only now is ended as well.
 */
async function madeBy({ provider }: LaunchPorts['cloud'], failed: FailedLaunch): Promise<CapacityRef | null> {
  const found = await provider.find(failed.run, failed.launch);
  if (found !== null || !isUncertain(failed.cause)) return found;
  try {
    return await failed.make();
  } catch (error) {
    if (isUncertain(error)) throw error;
    return null;
  }
}

/**
 * Ends what was made, and looks whether the provider knows it: one that it does not know although it has made it may still
 * make machines, so it is ended again until it is shown. Errors: those of the provider; `cloud-error` when it does not show it in time.
 */
async function endMade({ cloud, clock }: LaunchPorts, made: LaunchedCapacity): Promise<void> {
  const { provider } = cloud;
  const deadlineMs = clock.monotonicMs() + SHOWN_WITHIN_MS;
  for (;;) {
    await provider.end(made, { terminate: true });
    if (made.ref === null || (await provider.state(made.ref)).status !== 'unknown') return;
    if (clock.monotonicMs() >= deadlineMs)
      throw new RunctlError(
        'cloud-error',
        `${provider.name} does not show ${provider.nameOf(made.ref)}, which it has made`,
      );
    await clock.sleep(LOOK_AGAIN_MS);
  }
}

/** Ends what the failed launch may have made, and returns the error that tells of both. */
async function undoLaunch(ports: LaunchPorts, failed: FailedLaunch): Promise<RunctlError> {
  const { run, launch, cause } = failed;
  const { store } = ports.cloud;
  try {
    await endMade(ports, { run, launch, ref: await madeBy(ports.cloud, failed) });
    await store.delete([runKeys(run).launch(launch).intent]);
  } catch (problem) {
    return notEnded({ run, cause, problem });
  }
  const failure = isRunctlError(cause) ? cause : new RunctlError('cloud-error', messageOf(cause), { cause });
  return new RunctlError(failure.code, `${failure.message}; nothing of the launch is left`, {
    hint: failure.hintParts,
    cause,
    details: { ...failure.details, run, cleanedUp: true },
  });
}
