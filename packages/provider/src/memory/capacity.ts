import type { Market } from '@runctl/protocol';
import type { CapacityRequest, CapacityStatus, MachineState, Offer, ProviderEvent } from '../port/index.ts';
import type { MemoryRefusal, MemoryRules } from './rules.ts';

/** A machine of a memory cloud. Its state follows from these times and the time now. */
export interface MemoryMachine {
  readonly machineId: string;
  readonly offer: Offer;
  readonly launchedAtMs: number;
  endReason: string | null;
  /** When it was told to end; null while it was not. */
  endingAtMs: number | null;
  endedAtMs: number | null;
}

/** Where a machine may be made now, or why not. */
export type FindRoom = (offers: readonly Offer[], market: Market) => Offer | MemoryRefusal;

/**
 * The capacity of one launch. It does nothing by itself: `settle` makes happen all that was due until a time, in order.
 * Its states are those of CapacityStatus.
 */
export class MemoryCapacity {
  readonly request: CapacityRequest;
  readonly createdAtMs: number;
  readonly machines: MemoryMachine[] = [];
  readonly events: ProviderEvent[] = [];
  market: Market;
  wanted: number;
  readonly #rules: MemoryRules;
  #isLive = true;
  /** When machines that are missing are made next; null while none is missing. */
  #makeAtMs: number | null;
  /** The last try to make one was refused. */
  #isRefused = false;

  constructor(request: CapacityRequest, rules: MemoryRules, nowMs: number) {
    this.request = request;
    this.createdAtMs = nowMs;
    this.market = request.market;
    this.wanted = request.nodes;
    this.#rules = rules;
    this.#makeAtMs = nowMs + rules.makeMs;
    this.#record(nowMs, { kind: 'state', code: 'created' });
  }

  status(nowMs: number): CapacityStatus {
    if (this.#isLive) return 'active';
    return this.living(nowMs).length > 0 ? 'ending' : 'ended';
  }

  /** Machines that have not ended. */
  living(nowMs: number): readonly MemoryMachine[] {
    return this.machines.filter(({ endedAtMs }) => endedAtMs === null || endedAtMs > nowMs);
  }

  settle(nowMs: number, findRoom: FindRoom, nextMachineId: () => string): void {
    while (this.#isLive) {
      const { validUntilMs } = this.request;
      const makeAtMs = this.#makeAtMs ?? Number.POSITIVE_INFINITY;
      if (Math.min(makeAtMs, validUntilMs) > nowMs) return;
      if (validUntilMs <= makeAtMs) this.retire(validUntilMs, { terminate: true, word: 'expired' });
      else this.#make(makeAtMs, findRoom, nextMachineId);
    }
  }

  /** Nothing more is made; with `terminate` the machines end too. */
  retire(atMs: number, options: { readonly terminate: boolean; readonly word: string }): void {
    if (this.#isLive) this.#record(atMs, { kind: 'state', code: options.word });
    this.#isLive = false;
    if (!options.terminate) return;
    for (const machine of this.living(atMs))
      this.#end(machine, atMs, { afterMs: this.#rules.endMs, reason: 'ended-by-user' });
  }

  /** A machine is gone at once, as by a host that fails or an owner who takes it back. */
  lose(machine: MemoryMachine, atMs: number, reason: string): void {
    this.#end(machine, atMs, { afterMs: 0, reason });
    this.#record(atMs, { kind: 'machine', code: 'lost', machineId: machine.machineId });
    if (this.#rules.recovers === 'by-itself') this.#missingFrom(atMs);
    else if (this.living(atMs).length === 0) this.retire(atMs, { terminate: false, word: 'lost' });
  }

  /** Later machines are of `market`; those of the other one end. */
  switchTo(market: Market, nodes: number, atMs: number): void {
    if (!this.#isLive || (this.market === market && this.wanted === nodes)) return;
    this.market = market;
    this.wanted = nodes;
    for (const machine of this.living(atMs))
      if (machine.offer.market !== market) this.#end(machine, atMs, { afterMs: this.#rules.endMs, reason: 'switched' });
    this.#missingFrom(atMs);
  }

  stateOf(machine: MemoryMachine, nowMs: number): MachineState {
    if (machine.endedAtMs !== null && machine.endedAtMs <= nowMs) return 'ended';
    if (machine.endingAtMs !== null && machine.endingAtMs <= nowMs) return 'ending';
    return nowMs < machine.launchedAtMs + this.#rules.startMs ? 'starting' : 'running';
  }

  /** There may be room now: a capacity whose last try was refused need not wait for its next one. */
  tryAgain(atMs: number): void {
    if (this.#isRefused && this.#makeAtMs !== null) this.#makeAtMs = Math.min(this.#makeAtMs, atMs);
  }

  #missingFrom(atMs: number): void {
    this.#makeAtMs = Math.min(this.#makeAtMs ?? Number.POSITIVE_INFINITY, atMs + this.#rules.makeMs);
  }

  #make(atMs: number, findRoom: FindRoom, nextMachineId: () => string): void {
    this.#makeAtMs = null;
    this.#isRefused = false;
    for (let missing = this.wanted - this.#staying(); missing > 0; missing--) {
      const room = findRoom(this.request.offers, this.market);
      if ('errorCode' in room) {
        this.#record(atMs, { ...room, kind: 'error', hint: 'look for another offer' });
        this.#makeAtMs = atMs + this.#rules.retryMs;
        this.#isRefused = true;
        return;
      }
      const machine: MemoryMachine = {
        machineId: nextMachineId(),
        offer: { ...room, market: this.market },
        launchedAtMs: atMs,
        endReason: null,
        endingAtMs: null,
        endedAtMs: null,
      };
      this.machines.push(machine);
      this.#record(atMs, { kind: 'machine', code: 'made', machineId: machine.machineId });
    }
  }

  #staying(): number {
    return this.machines.filter(({ endingAtMs }) => endingAtMs === null).length;
  }

  #end(machine: MemoryMachine, atMs: number, how: { readonly afterMs: number; readonly reason: string }): void {
    if (machine.endedAtMs !== null && machine.endedAtMs <= atMs + how.afterMs) return;
    machine.endingAtMs ??= atMs;
    machine.endedAtMs = atMs + how.afterMs;
    machine.endReason ??= how.reason;
  }

  #record(atMs: number, event: Pick<ProviderEvent, 'kind' | 'code'> & Partial<ProviderEvent>): void {
    const nothing = { errorCode: null, hint: null, message: '', machineId: null, offer: null, market: null };
    this.events.push({ ...nothing, restsUntilMs: null, blocksLaunch: false, ...event, atMs });
  }
}
