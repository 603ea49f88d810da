import { RunctlError } from '@runctl/core';
import type { RegionClock } from '../region-clock.ts';
import type { EventLog } from './event-log.ts';
import { isAlive, stateReasons } from './instance.ts';
import type { Instance } from './instance.ts';
import type { Instances } from './instances.ts';
import type { Schedule } from './schedule.ts';
import type { ComputeSettings } from './settings.ts';
import type { SpotRequests } from './spot-requests.ts';

const noticeMs = 120_000;

export interface InterruptOptions {
  /** False: the instance is gone at once, as EC2 may do (the notice is best effort). Default true. */
  readonly notice?: boolean;
  /** Recommend a rebalance first, by the setting `rebalanceLeadMs` (together with the notice where that is null). */
  readonly rebalance?: boolean;
  /** The deadline passes and the instance lives on. */
  readonly survives?: boolean;
}

export interface InterruptionsOptions {
  readonly clock: RegionClock;
  readonly schedule: Schedule;
  readonly settings: ComputeSettings;
  readonly events: EventLog;
  readonly instances: Instances;
  readonly spotRequests: SpotRequests;
  /** The fleet stops counting on the instance, and replaces it. */
  readonly onLost: (instance: Instance) => void;
}

/** End of the window of a notice given at `nowMs`: two scaled minutes, rounded up to EC2's whole seconds. */
export function noticeDeadlineMs(nowMs: number, scale: number): number {
  return Math.ceil((nowMs + noticeMs * scale) / 1000) * 1000;
}

/** Takes spot instances back, the way EC2 does. */
export class Interruptions {
  readonly #options: InterruptionsOptions;

  constructor(options: InterruptionsOptions) {
    this.#options = options;
  }

  /** Begins an interruption. Throws a RunctlError when there is no such instance, or none that can be interrupted. */
  interrupt(instanceId: string, options: InterruptOptions = {}): void {
    const instance = this.#interruptible(instanceId);
    if (options.notice === false) return this.#takeAtOnce(instance);
    if (instance.spec.market !== 'spot') {
      throw new RunctlError('usage', `${instanceId} is an on-demand instance: EC2 gives it no interruption notice`, {
        hint: 'Interrupt it without notice, as a failing host would.',
      });
    }
    const leadMs = this.#options.settings.delays.rebalanceLeadMs;
    if (options.rebalance ?? leadMs !== null) this.recommendRebalance(instanceId);
    const survives = options.survives ?? false;
    const wait = (options.rebalance ?? true) && leadMs !== null ? leadMs : 0;
    if (wait === 0) return this.#notify(instance, survives);
    this.#options.schedule.after(wait, () => {
      if (isAlive(instance)) this.#notify(instance, survives);
    });
  }

  /** Shows the rebalance recommendation in the instance's metadata; latched at the first time. */
  recommendRebalance(instanceId: string): void {
    const instance = this.#interruptible(instanceId);
    if (instance.rebalanceAtMs !== null) return;
    instance.rebalanceAtMs = this.#options.clock.nowMs();
    this.#options.events.add('rebalance-recommended', { instanceId });
  }

  #interruptible(instanceId: string): Instance {
    const instance = this.#options.instances.find(instanceId);
    if (instance !== undefined && isAlive(instance)) return instance;
    throw new RunctlError('instance-not-found', `no running instance ${instanceId} in the sandbox`, {
      details: { state: instance?.state ?? 'unknown' },
    });
  }

  #takeAtOnce(instance: Instance): void {
    const spot = instance.spec.market === 'spot';
    this.#options.spotRequests.finish(instance, 'instance-terminated-no-capacity');
    this.#options.instances.end(instance, {
      into: 'terminated',
      reason: spot ? stateReasons.spot : stateReasons.host,
      hard: true,
    });
  }

  #notify(instance: Instance, survives: boolean): void {
    if (instance.notice !== null && !instance.notice.survived) return;
    const { clock, events, schedule, spotRequests } = this.#options;
    const noticedAtMs = clock.nowMs();
    const deadlineMs = noticeDeadlineMs(noticedAtMs, clock.scale);
    instance.notice = { noticedAtMs, deadlineMs, survived: false };
    instance.countsForFleet = false;
    events.add('notice', { instanceId: instance.id, detail: `deadline ${new Date(deadlineMs).toISOString()}` });
    // For the behaviour `terminate` the request ends at the notice, while the instance still runs.
    spotRequests.finish(instance, 'instance-terminated-no-capacity');
    this.#options.onLost(instance);
    schedule.after(deadlineMs - noticedAtMs, () => this.#deadline(instance, survives));
  }

  #deadline(instance: Instance, survives: boolean): void {
    if (!isAlive(instance) || instance.notice === null) return;
    if (!survives) {
      this.#options.instances.end(instance, { into: 'terminated', reason: stateReasons.spot, hard: false });
      return;
    }
    instance.notice = { ...instance.notice, survived: true };
    this.#options.spotRequests.restore(instance);
    this.#options.events.add('survived', { instanceId: instance.id });
  }
}
