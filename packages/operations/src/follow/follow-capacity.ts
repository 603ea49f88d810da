import type { FollowEvent } from '@runctl/protocol/events';
import { attemptsOf, type LaunchRecord, type RunRecord } from '../run/run-record.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import { CapacityWatch } from './capacity-watch.ts';
import type { FollowOptions } from './follow-run.ts';

const LOOK_MS = 2000;
/** Looks at the provider become rare once an agent speaks for the machine. */
const SLOW_LOOK_MS = 15_000;

export interface CapacityFollower {
  /** Looks at the provider when it is time to. Errors: why the launch is hopeless, where the options want it thrown. */
  look(record: RunRecord): AsyncGenerator<FollowEvent>;
  isGone(): boolean;
}

/** Looks at the provider now and then, and goes on in the on-demand market when spot has nothing. */
export function followCapacity(
  options: Pick<FollowOptions, 'cloud' | 'run' | 'clock' | 'failWhenHopeless' | 'onDemandAfterMs'>,
  launch: number,
): CapacityFollower {
  const { clock } = options;
  const { provider } = options.cloud;
  const startedMs = clock.monotonicMs();
  const limitMs = options.onDemandAfterMs ?? null;
  let watch: CapacityWatch | null = null;
  let lastLookMs = Number.NEGATIVE_INFINITY;
  let switched = false;

  const begin = async (launched: LaunchRecord | undefined): Promise<CapacityWatch | null> => {
    if (launched === undefined) return null;
    const { intent, machines } = launched;
    const finding = capacityOf(provider, options.run, launched);
    const ref = machines === null ? await finding.catch(() => null) : await finding;
    if (ref === null) return null;
    const sinceMs = Date.parse(machines?.at ?? intent?.at ?? new Date(0).toISOString()) - 60_000;
    return new CapacityWatch({ provider, run: options.run, launch, ref, intent, sinceMs, clock });
  };

  return {
    isGone: () => watch?.isGone ?? false,
    look: async function* (record) {
      const launched = record.launches.find((other) => other.launch === launch);
      const spoken = attemptsOf(record, launch).length > 0;
      if (clock.monotonicMs() - lastLookMs < (spoken ? SLOW_LOOK_MS : LOOK_MS)) return;
      watch ??= await begin(launched);
      lastLookMs = clock.monotonicMs();
      if (watch === null) return;
      yield* await watch.look();
      if (spoken || watch.hasMachine) return;
      if (options.failWhenHopeless === true && watch.hopeless !== null) throw watch.hopeless;
      const waitedMs = clock.monotonicMs() - startedMs;
      const isSpot = launched?.intent?.market === 'spot';
      if (provider.markets === undefined || limitMs === null || switched || !isSpot || waitedMs < limitMs) return;
      switched = true;
      await provider.markets.switchTo(watch.ref, 'on-demand', record.spec.nodes);
      yield { type: 'on-demand', waitedMs };
    },
  };
}
