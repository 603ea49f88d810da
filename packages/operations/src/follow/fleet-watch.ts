import type { FollowEvent } from '@runctl/protocol/events';
import type { CloudInstance, FleetProvider } from '@runctl/provider';
import type { Clock, RunctlError } from '@runctl/core';
import type { LaunchIntent } from '@runctl/protocol';
import { isActive, isLiving, machineViewOf } from '../run/liveness.ts';
import { fleetErrorText, permanentError } from './fleet-error.ts';

export interface FleetWatch {
  /** One look at EC2. Never rejects: what EC2 can't say now, it may say at the next look. */
  look(): Promise<readonly FollowEvent[]>;
  /** A machine of this launch was seen, alive or not. */
  hasInstance(): boolean;
  /** Why this fleet will never have a machine, as far as EC2 said so; null while it may. */
  hopeless(): RunctlError | null;
  /** The fleet is deleted or expired, and no machine of it lives. */
  isGone(): boolean;
}

/** EC2 may not know a new fleet for a moment; after this, one that it does not know is gone. */
export const APPEARS_WITHIN_MS = 120_000;

/** Watches what EC2 says of one launch: machines that come and go, errors of the fleet, the fleet's own end. */
export function createFleetWatch(options: {
  readonly fleets: FleetProvider;
  readonly run: string;
  readonly launch: number;
  readonly fleetId: string;
  readonly intent: LaunchIntent | null;
  readonly sinceMs: number;
  readonly clock: Clock;
}): FleetWatch {
  const { fleets, run, launch, fleetId, intent } = options;
  const told = new Set<string>();
  let sinceMs = options.sinceMs;
  let seenInstance = false;
  let gone = false;
  let known = false;
  const beganMs = options.clock.monotonicMs();
  let hopeless: RunctlError | null = null;

  const instanceEvents = async (): Promise<{ events: FollowEvent[]; living: number }> => {
    const own = (await fleets.instances(run)).filter((instance) => instance.launch === launch);
    const events: FollowEvent[] = [];
    for (const instance of own) {
      seenInstance = true;
      if (once(told, `up ${instance.machineId}`))
        events.push({
          type: 'instance',
          instance: machineViewOf(instance),
          pricePerHourUsd: shownPriceOf(intent, instance),
        });
      if (!isLiving(instance) && once(told, `down ${instance.machineId}`))
        events.push({ type: 'instance-ended', instance: machineViewOf(instance) });
    }
    return { events, living: own.filter(isLiving).length };
  };

  const fleetEvents = async (): Promise<FollowEvent[]> => {
    const found = await fleets.fleetEvents(fleetId, sinceMs);
    const events: FollowEvent[] = [];
    for (const event of found) {
      sinceMs = Math.max(sinceMs, event.atMs);
      if (event.kind !== 'error') continue;
      hopeless ??= permanentError(event);
      // One pool's error is that of all: it is told once.
      if (once(told, `${event.code} ${fleetErrorText(event)}`)) events.push({ type: 'capacity-problem', event });
    }
    return events;
  };

  return {
    look: async () => {
      const [instances, errors, state] = await Promise.allSettled([
        instanceEvents(),
        fleetEvents(),
        fleets.fleet(fleetId),
      ]);
      const events: FollowEvent[] = [];
      if (instances.status === 'fulfilled') events.push(...instances.value.events);
      if (errors.status === 'fulfilled') events.push(...errors.value);
      if (state.status === 'fulfilled' && instances.status === 'fulfilled') {
        known ||= state.value.state !== null;
        const mayAppear = !known && options.clock.monotonicMs() - beganMs < APPEARS_WITHIN_MS;
        gone = !isActive(state.value.state) && instances.value.living === 0 && !mayAppear;
        if (gone && once(told, 'gone')) events.push({ type: 'capacity-gone', state: state.value.state });
      }
      return events;
    },
    hasInstance: () => seenInstance,
    hopeless: () => (seenInstance ? null : hopeless),
    isGone: () => gone,
  };
}

function once(told: Set<string>, name: string): boolean {
  if (told.has(name)) return false;
  told.add(name);
  return true;
}

/** What was shown for the instance's offer before it was launched; after a switch to on-demand nothing was. */
export function shownPriceOf(intent: LaunchIntent | null, instance: CloudInstance): number | null {
  const fits = intent?.offers.find(
    ({ location, machineType, market }) =>
      machineType === instance.machineType && location === instance.location && market === instance.market,
  );
  return fits?.pricePerHourUsd ?? null;
}
