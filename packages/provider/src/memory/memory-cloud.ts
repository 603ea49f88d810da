import { RunctlError, type Clock } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import type { CapacityRef, CapacityRequest, Offer, RemoteShell } from '../port/index.ts';
import { MemoryCapacity, type MemoryMachine } from './capacity.ts';
import { MemoryFaults } from './faults.ts';
import { NO_ROOM, defaultMemoryRules, type MemoryRefusal, type MemoryRules } from './rules.ts';

/** Which machines a limit speaks of; a part that is left out means every one. */
export interface RoomSelector {
  readonly market?: Market;
  readonly machineType?: string;
  readonly location?: string;
}

/**
 * A cloud in memory: what a provider's account holds, its rules, and its misbehaviour. Time is the clock's; nothing happens
 * between two looks that a look does not find as if it had happened in time. Rules: MEMORY.md.
 */
export class MemoryCloud {
  readonly rules: MemoryRules;
  readonly faults = new MemoryFaults();
  /** Answers scripts; nobody answers by default. */
  shell: RemoteShell['run'] = (machineId) =>
    Promise.reject(new RunctlError('agent-unreachable', `${machineId} does not answer`));
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #capacities = new Map<string, MemoryCapacity>();
  readonly #limits: { readonly of: RoomSelector; readonly machines: number | null }[] = [];
  #refusal: MemoryRefusal | null = null;
  #hiddenMs: number;
  #machinesMade = 0;

  constructor(clock: Pick<Clock, 'wallMs'>, rules: Partial<MemoryRules> = {}) {
    this.#clock = clock;
    this.rules = { ...defaultMemoryRules, ...rules };
    this.#hiddenMs = this.rules.hiddenMs;
  }

  /** What was made less than this long ago is not shown from now on. */
  hideNew(ms: number): void {
    this.#hiddenMs = ms;
  }

  /** Lets at most this many machines of the selector run at once; null = without limit. The latest limit that fits decides. */
  setRoom(of: RoomSelector, machines: number | null): void {
    this.settle();
    this.#limits.push({ of, machines });
    this.#tryAgain();
  }

  /** No machine can be made, for this reason; null ends it. */
  setRefusal(refusal: MemoryRefusal | null): void {
    this.settle();
    this.#refusal = refusal;
    this.#tryAgain();
  }

  /** A machine is gone at once. */
  lose(machineId: string, reason = 'taken-back'): void {
    const nowMs = this.settle();
    for (const capacity of this.#capacities.values())
      for (const machine of capacity.living(nowMs))
        if (machine.machineId === machineId) capacity.lose(machine, nowMs, reason);
    this.#tryAgain();
  }

  /** Everything that was ever launched, as it stands now. */
  get capacities(): readonly MemoryCapacity[] {
    this.settle();
    return [...this.#capacities.values()];
  }

  /** Brings everything up to the time now, and returns it. */
  settle(): number {
    const nowMs = this.#clock.wallMs();
    for (const capacity of this.#capacities.values())
      capacity.settle(
        nowMs,
        (offers, market) => this.#findRoom(offers, { market, nowMs }),
        () => `${this.rules.machineIdPrefix}${++this.#machinesMade}`,
      );
    return nowMs;
  }

  /** Errors: `no-capacity` and the like where nothing would ever make the machine later; `cloud-error` for a token of another request. */
  launch(request: CapacityRequest): CapacityRef {
    const id = `capacity-${request.token}`;
    const known = this.#capacities.get(id);
    if (known !== undefined && sameRequest(known.request, request)) return { id };
    if (known !== undefined)
      throw new RunctlError('cloud-error', `the token ${request.token} was used for another request`, {
        hint: 'launch with a token of its own',
      });
    const nowMs = this.settle();
    if (this.rules.recovers !== 'by-itself') {
      const room = this.#findRoom(request.offers, { market: request.market, nowMs });
      if ('errorCode' in room) throw new RunctlError(room.errorCode, `launching: ${room.message} (${room.code})`);
    }
    this.#capacities.set(id, new MemoryCapacity(request, this.rules, nowMs));
    return { id };
  }

  /** The capacity of an id, unless it is still hidden or never was. */
  capacity(id: string): MemoryCapacity | null {
    const nowMs = this.settle();
    const capacity = this.#capacities.get(id);
    return capacity !== undefined && nowMs >= capacity.createdAtMs + this.#hiddenMs ? capacity : null;
  }

  /** The same, hidden or not. */
  launched(id: string): MemoryCapacity | undefined {
    this.settle();
    return this.#capacities.get(id);
  }

  /** Of a launch that was made anew, the capacity that lives. */
  idOf(run: string, launch: number): string | null {
    const nowMs = this.settle();
    const shown = [...this.#capacities].filter(
      ([id, { request }]) => request.run === run && request.launch === launch && this.capacity(id) !== null,
    );
    const living = shown.find(([, capacity]) => capacity.status(nowMs) === 'active');
    return (living ?? shown.at(-1))?.[0] ?? null;
  }

  isShown({ launchedAtMs, endedAtMs }: MemoryMachine, nowMs: number): boolean {
    if (nowMs < launchedAtMs + this.#hiddenMs) return false;
    return endedAtMs === null || nowMs < endedAtMs + this.rules.shownMs;
  }

  #findRoom(
    offers: readonly Offer[],
    where: { readonly market: Market; readonly nowMs: number },
  ): Offer | MemoryRefusal {
    if (this.#refusal !== null) return this.#refusal;
    return offers.find((offer) => this.#hasRoom({ ...offer, market: where.market }, where.nowMs)) ?? NO_ROOM;
  }

  #hasRoom(offer: Offer, nowMs: number): boolean {
    const limit = this.#limits.findLast(({ of }) => covers(of, offer));
    if (limit === undefined || limit.machines === null) return true;
    const living = [...this.#capacities.values()].flatMap((capacity) => capacity.living(nowMs));
    return living.filter((machine) => covers(limit.of, machine.offer)).length < limit.machines;
  }

  #tryAgain(): void {
    const nowMs = this.#clock.wallMs();
    for (const capacity of this.#capacities.values()) capacity.tryAgain(nowMs);
    this.settle();
  }
}

function covers(selector: RoomSelector, offer: Offer): boolean {
  const { market = offer.market, machineType = offer.machineType, location = offer.location } = selector;
  return market === offer.market && machineType === offer.machineType && location === offer.location;
}

/** As EC2 compares them: by what the capacity is made of, not by what its machines will run. */
function sameRequest(a: CapacityRequest, b: CapacityRequest): boolean {
  return shapeOf(a) === shapeOf(b);
}

function shapeOf({ run, launch, market, nodes, validUntilMs, offers }: CapacityRequest): string {
  const places = offers.map(({ machineType, location }) => [machineType, location]);
  return JSON.stringify([run, launch, market, nodes, validUntilMs, places]);
}
