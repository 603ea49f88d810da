import type { RunctlError } from '@runctl/core';
import type { LaunchMachines, Market } from '@runctl/protocol';
import type { FollowEvent } from '@runctl/protocol/events';
import type { CapacityRef } from '@runctl/provider';
import { isUncertain } from '../provider/uncertain.ts';
import { attemptsOf, type LaunchRecord, type RunRecord } from '../run/run-record.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import { isBeingReplaced } from '../run/liveness.ts';
import { CapacityWatch } from './capacity-watch.ts';
import type { FollowOptions } from './follow-run.ts';
import { fallbackStep } from './market-fallback.ts';

const LOOK_MS = 2000;
/** Looks at the provider become rare once an agent speaks for the machine. */
const SLOW_LOOK_MS = 15_000;

/**
 * Ends the machines that a launch asked for, and asks for others in a market. Resolves with the name of the new capacity;
 * with null when the launch has ended meanwhile. Errors: those of the provider, marked as hopeless where nothing of the launch is left.
 */
export type AskAnew = (market: Market) => Promise<string | null>;

export interface CapacityFollower {
  /** Looks at the provider when it is time to. Errors: why the launch is hopeless, or silent, where the options want it thrown. */
  look(record: RunRecord): AsyncGenerator<FollowEvent>;
  /** That no machine lives and none will come; null while there is one, or where the record says that others were asked for. */
  gone(record: RunRecord): FollowEvent | null;
}

type CapacityOptions = Pick<
  FollowOptions,
  'cloud' | 'run' | 'clock' | 'failWhenHopeless' | 'firstBoot' | 'onDemandAfterMs' | 'askAnew'
>;

/** Looks at the provider now and then, and goes on in the on-demand market when spot has nothing. */
export function followCapacity(options: CapacityOptions, launch: number): CapacityFollower {
  const { clock } = options;
  let watch: CapacityWatch | null = null;
  /** What `machines.json` said when the watch began. */
  let watched: LaunchMachines | null = null;
  let lastLookMs = Number.NEGATIVE_INFINITY;
  const fallback = new Fallback(options);
  const launchIn = (record: RunRecord) => record.launches.find((other) => other.launch === launch);

  const isOutdated = (record: RunRecord): boolean => {
    const now = launchIn(record)?.machines ?? null;
    if (watch === null || now === null) return false;
    return isBeingReplaced(now, record.readAtMs) || isOther(options, { watch, watched, now });
  };

  return {
    gone: (record) => (isOutdated(record) ? null : (watch?.gone ?? null)),
    look: async function* (record) {
      const launched = launchIn(record);
      const spoken = attemptsOf(record, launch).length > 0;
      if (clock.monotonicMs() - lastLookMs < (spoken ? SLOW_LOOK_MS : LOOK_MS)) return;
      if (isOutdated(record)) watch = null;
      // Who replaces the machines says when it is done.
      if (isBeingReplaced(launched?.machines ?? null, record.readAtMs)) return;
      if (watch === null) {
        watch = await begin(options, launched);
        watched = launched?.machines ?? null;
        if (fallback.hasSwitched) watch?.switchedTo('on-demand');
      }
      lastLookMs = clock.monotonicMs();
      if (watch === null) return;
      yield* await watch.look();
      if (!spoken)
        options.firstBoot?.look(watch.machines, {
          atMs: clock.monotonicMs(),
          boots: record.boots.filter((boot) => boot.launch === launch),
          run: options.run,
          timing: record.spec.timing,
        });
      if (spoken || watch.hasMachine) return;
      const { hopeless } = watch;
      if (options.failWhenHopeless === true && hopeless !== null && !fallback.mayMend(hopeless, launched))
        throw hopeless;
      yield* fallback.go(watch, record, launched);
    },
  };
}

async function begin(options: CapacityOptions, launched: LaunchRecord | undefined): Promise<CapacityWatch | null> {
  if (launched === undefined) return null;
  const { run, clock } = options;
  const { provider } = options.cloud;
  const { launch, intent, machines } = launched;
  const ref = await watchedRef(options, launched);
  if (ref === null) return null;
  const sinceMs = Date.parse(machines?.at ?? intent?.at ?? new Date(0).toISOString()) - 60_000;
  return new CapacityWatch({ provider, run, launch, ref, intent, sinceMs, clock });
}

/**
 * Where a replacement broke off, what it made; what it ended where it made nothing. Null while nothing is known. Errors:
 * `config-invalid` when another provider launched it.
 */
async function watchedRef({ cloud, run }: CapacityOptions, launched: LaunchRecord): Promise<CapacityRef | null> {
  const { machines } = launched;
  try {
    return (await capacityOf(cloud.provider, run, launched)) ?? machines?.ref ?? null;
  } catch (error) {
    if (machines !== null && !isUncertain(error)) throw error;
    return null;
  }
}

/** Whoever follows elsewhere learns from the documents that machines were asked for anew. */
function isOther(
  { cloud: { provider } }: CapacityOptions,
  of: { readonly watch: CapacityWatch; readonly watched: LaunchMachines | null; readonly now: LaunchMachines },
): boolean {
  const { watch, watched, now } = of;
  if (now.replacing !== null) return now.replacing.nonce !== watched?.replacing?.nonce;
  return provider.nameOf(now.ref) !== provider.nameOf(watch.ref);
}

/** The way of one launch into the other market, while this process watches. */
class Fallback {
  readonly #options: CapacityOptions;
  readonly #startedMs: number;
  #switchedMs: number | null = null;
  #isAskedAnew = false;

  constructor(options: CapacityOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
  }

  get hasSwitched(): boolean {
    return this.#switchedMs !== null;
  }

  /** Whether what speaks against the first market alone need not hold in the other one, which is still to come. */
  mayMend({ code }: RunctlError, launched: LaunchRecord | undefined): boolean {
    const { cloud, onDemandAfterMs = null } = this.#options;
    const isToCome = onDemandAfterMs !== null && this.#switchedMs === null && launched?.intent?.market === 'spot';
    return isToCome && cloud.provider.markets !== undefined && ['quota-exceeded', 'pool-invalid'].includes(code);
  }

  async *go(watch: CapacityWatch, record: RunRecord, launched: LaunchRecord | undefined): AsyncGenerator<FollowEvent> {
    const { cloud, clock, onDemandAfterMs = null, askAnew } = this.#options;
    const { markets } = cloud.provider;
    // A switch and a replacement end a machine that is just coming.
    if (watch.isMachineComing) return;
    const nowMs = clock.monotonicMs();
    const waitedMs = nowMs - this.#startedMs;
    const step = fallbackStep({
      waitedMs,
      limitMs: onDemandAfterMs,
      market: launched?.intent?.market ?? null,
      canSwitch: markets !== undefined,
      sinceSwitchMs: this.#switchedMs === null ? null : nowMs - this.#switchedMs,
      canReplace: askAnew !== undefined && !this.#isAskedAnew,
    });
    if (step === 'switch') {
      try {
        await markets?.switchTo(watch.ref, 'on-demand', record.spec.nodes);
      } catch (error) {
        if (!isUncertain(error)) throw error;
        // It is asked for again at the next look.
        return;
      }
      this.#switchedMs = nowMs;
      watch.switchedTo('on-demand');
      yield { type: 'on-demand', waitedMs };
    } else if (step === 'replace' && askAnew !== undefined) {
      this.#isAskedAnew = true;
      const id = await askAnew('on-demand');
      if (id !== null) yield { type: 'asked-anew', id, waitedMs };
    }
  }
}
