import type { FollowEvent } from '@runctl/protocol/events';
import type { CapacityRef, Provider, ProviderEvent, RentedMachine } from '@runctl/provider';
import type { Clock, RunctlError } from '@runctl/core';
import { countedPrice, type LaunchIntent, type Market } from '@runctl/protocol';
import { providerProblemText } from '@runctl/protocol/events';
import { APPEARS_WITHIN_MS, isActive, isLiving } from '../run/liveness.ts';
import { CapacityProblems } from './capacity-problems.ts';
import { hopelessReason } from './hopeless.ts';

export interface WatchedCapacity {
  readonly provider: Provider;
  readonly run: string;
  readonly launch: number;
  readonly ref: CapacityRef;
  readonly intent: LaunchIntent | null;
  /** Events from before are not told. */
  readonly sinceMs: number;
  readonly clock: Clock;
}

/** What was made a moment ago, a permission too, is known everywhere after this. */
const SETTLES_WITHIN_MS = 60_000;

/** Watches what the provider says of one launch: machines that come and go, errors, the end of the capacity. */
export class CapacityWatch {
  readonly ref: CapacityRef;
  readonly #of: WatchedCapacity;
  readonly #reported = new Set<string>();
  readonly #beganMs: number;
  #sinceMs: number;
  #hasMachine = false;
  /** It counts one, or says that it made one, which it may not show for two minutes. */
  #isMachineComing = false;
  #isKnown = false;
  #isGone = false;
  #providerWord: string | null = null;
  readonly #problems = new CapacityProblems();
  #market: LaunchIntent['market'];
  #machines: readonly RentedMachine[] = [];

  constructor(watched: WatchedCapacity) {
    this.ref = watched.ref;
    this.#of = watched;
    this.#sinceMs = watched.sinceMs;
    this.#beganMs = watched.clock.monotonicMs();
    this.#market = watched.intent?.market ?? 'spot';
  }

  /** A machine of this launch was seen, alive or not. */
  get hasMachine(): boolean {
    return this.#hasMachine;
  }

  /** The provider has a machine of this launch, shown yet or not. */
  get isMachineComing(): boolean {
    return this.#hasMachine || this.#isMachineComing;
  }

  /** Machines of the launch as the provider showed them last. */
  get machines(): readonly RentedMachine[] {
    return this.#machines;
  }

  /** Why this launch will never have a machine, as far as the provider said so; null while it may. */
  get hopeless(): RunctlError | null {
    if (this.#hasMachine) return null;
    const { clock, intent } = this.#of;
    const isSettled = clock.monotonicMs() - this.#beganMs >= SETTLES_WITHIN_MS;
    return hopelessReason(this.#problems.of(this.#market), { offers: intent?.offers ?? [], isSettled });
  }

  /** The launch goes on in another market, where nothing of what was said yet holds. */
  switchedTo(market: Market): void {
    this.#market = market;
    this.#problems.forget();
  }

  /** That nothing makes machines any more, and no machine of the launch lives; null while it is not so. */
  get gone(): FollowEvent | null {
    if (!this.#isGone) return null;
    const reasons = this.#hasMachine ? [] : this.#problems.list().map(providerProblemText);
    return { type: 'capacity-gone', state: this.#providerWord, reasons };
  }

  /** One look at the provider. Never rejects: what it can't say now, it may say at the next look. */
  async look(): Promise<readonly FollowEvent[]> {
    const { provider, ref } = this.#of;
    const [machines, errors, state] = await Promise.allSettled([
      this.#machineEvents(),
      this.#errorEvents(),
      provider.state(ref),
    ]);
    const events: FollowEvent[] = [];
    if (machines.status === 'fulfilled') events.push(...machines.value.events);
    if (errors.status === 'fulfilled') events.push(...errors.value);
    if (state.status === 'fulfilled' && state.value.running > 0) this.#isMachineComing = true;
    if (state.status === 'fulfilled' && machines.status === 'fulfilled') {
      this.#isKnown ||= state.value.status !== 'unknown';
      const mayAppear = !this.#isKnown && this.#of.clock.monotonicMs() - this.#beganMs < APPEARS_WITHIN_MS;
      this.#isGone = !isActive(state.value) && machines.value.living === 0 && !mayAppear;
      this.#providerWord = state.value.providerWord;
    }
    return events;
  }

  async #machineEvents(): Promise<{ readonly events: readonly FollowEvent[]; readonly living: number }> {
    const { provider, run, launch, intent } = this.#of;
    const own = (await provider.machines(run)).filter((machine) => machine.launch === launch);
    this.#machines = own;
    const events: FollowEvent[] = [];
    for (const machine of own) {
      this.#hasMachine = true;
      if (this.#once(`up ${machine.machineId}`))
        events.push({ type: 'machine', machine, pricePerHourUsd: shownPriceOf(intent, machine) });
      if (!isLiving(machine) && this.#once(`down ${machine.machineId}`))
        events.push({ type: 'machine-ended', machine });
    }
    return { events, living: own.filter(isLiving).length };
  }

  async #errorEvents(): Promise<readonly FollowEvent[]> {
    const { provider } = this.#of;
    const found = await provider.events(this.ref, this.#sinceMs);
    this.#sinceMs = Math.max(this.#sinceMs, found.nextSinceMs);
    const events: FollowEvent[] = [];
    if (found.events.some(({ kind }) => kind === 'machine')) this.#isMachineComing = true;
    for (const event of found.events) {
      // Looks overlap, so that none misses what comes late: each event counts once.
      if (event.kind !== 'error' || !this.#once(`event ${event.atMs} ${nameOf(event)}`)) continue;
      this.#problems.add(event);
      // It is repeated for as long as it lasts, and told once.
      if (this.#once(nameOf(event))) events.push({ type: 'capacity-problem', event });
    }
    return events;
  }

  #once(name: string): boolean {
    if (this.#reported.has(name)) return false;
    this.#reported.add(name);
    return true;
  }
}

function nameOf({ code, message, offer }: ProviderEvent): string {
  return [code, offer?.machineType, offer?.location, message].join(' ');
}

/** What was shown or assumed for where the machine stands; null where it is counted by other machines' prices. */
function shownPriceOf(intent: LaunchIntent | null, machine: RentedMachine): number | null {
  const price = countedPrice(intent, machine);
  return price === null || price.basis === 'dearest' ? null : price.usd;
}
