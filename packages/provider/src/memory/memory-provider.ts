import { command, nearest, RunctlError } from '@runctl/core';
import * as z from 'zod';
import { lackOf } from '../need/lack.ts';
import type {
  CapacityRef,
  CapacityState,
  LaunchTarget,
  MarketSwitch,
  Offer,
  OfferWish,
  Provider,
  ProviderAbilities,
  RemoteShell,
  RentedMachine,
  ReportedEvents,
  TargetWish,
} from '../port/index.ts';
import type { MemoryCapacity } from './capacity.ts';
import type { MemoryCloud } from './memory-cloud.ts';
import type { MemoryRules } from './rules.ts';

const memoryRef = z.object({ id: z.string() });

/** One client of a memory cloud, as of one laptop; several may share a cloud. Rules: MEMORY.md. */
export class MemoryProvider implements Provider {
  readonly name = 'memory';
  readonly place: string;
  readonly can: ProviderAbilities;
  readonly markets?: MarketSwitch;
  readonly shell: RemoteShell;
  readonly #cloud: MemoryCloud;
  #isClosed = false;

  constructor(cloud: MemoryCloud) {
    this.#cloud = cloud;
    this.place = cloud.rules.place;
    this.can = abilitiesOf(cloud.rules);
    if (cloud.rules.markets.length > 1) this.markets = this.#marketSwitch();
    this.shell = { run: (machineId, script, options) => this.#run(machineId, script, options) };
  }

  offers(wish: OfferWish): Promise<readonly Offer[]> {
    return this.#call('offers', () => offersOf(this.#cloud.rules, wish));
  }

  target(wish: TargetWish): Promise<LaunchTarget> {
    return this.#call('target', () => {
      const { images, place } = this.#cloud.rules;
      const image = wish.image ?? images[0] ?? 'none';
      if (!images.includes(image))
        throw new RunctlError('config-invalid', `the image ${image} does not exist in ${place}`, {
          hint: `there are ${images.join(', ')}`,
        });
      return { image, rootDiskGiB: wish.rootDiskGiB };
    });
  }

  launch(request: Parameters<Provider['launch']>[0]): Promise<CapacityRef> {
    return this.#call('launch', () => this.#cloud.launch(request));
  }

  find(run: string, launch: number): Promise<CapacityRef | null> {
    return this.#call('find', () => {
      const id = this.#cloud.idOf(run, launch);
      return id === null ? null : { id };
    });
  }

  state(ref: CapacityRef): Promise<CapacityState> {
    return this.#call('state', () => {
      const capacity = this.#capacity(ref);
      if (capacity === null) return { status: 'unknown', wanted: 0, running: 0, providerWord: null };
      const nowMs = this.#cloud.settle();
      const running = capacity.machines.filter((machine) => capacity.stateOf(machine, nowMs) === 'running').length;
      const status = capacity.status(nowMs);
      return { status, wanted: capacity.wanted, running, providerWord: status };
    });
  }

  events(ref: CapacityRef, sinceMs: number): Promise<ReportedEvents> {
    return this.#call('events', () => {
      const events = (this.#capacity(ref)?.events ?? []).filter(({ atMs }) => atMs >= sinceMs);
      return { events, nextSinceMs: Math.max(sinceMs, this.#cloud.settle()) };
    });
  }

  machines(run?: string): Promise<readonly RentedMachine[]> {
    return this.#call('machines', () => {
      const nowMs = this.#cloud.settle();
      return this.#cloud.capacities
        .filter(({ request }) => run === undefined || request.run === run)
        .flatMap((capacity) => this.#shownMachines(capacity, nowMs))
        .sort((a, b) => a.launchedAtMs - b.launchedAtMs);
    });
  }

  end(launched: Parameters<Provider['end']>[0], options: { readonly terminate: boolean }): Promise<void> {
    return this.#call('end', () => {
      const { run, launch, ref } = launched;
      const id = ref === null ? this.#cloud.idOf(run, launch) : idOf(ref);
      const capacity = id === null ? undefined : this.#cloud.launched(id);
      capacity?.retire(this.#cloud.settle(), { ...options, word: 'ended' });
    });
  }

  describe(target: LaunchTarget): string {
    const image = target['image'];
    if (typeof image === 'string') return `image ${image}`;
    throw new RunctlError('internal', `${JSON.stringify(target)} is no target of the memory cloud`);
  }

  nameOf(ref: CapacityRef): string {
    return idOf(ref);
  }

  close(): void {
    this.#isClosed = true;
  }

  #capacity(ref: CapacityRef): MemoryCapacity | null {
    return this.#cloud.capacity(idOf(ref));
  }

  #shownMachines(capacity: MemoryCapacity, nowMs: number): RentedMachine[] {
    const { run, launch } = capacity.request;
    return capacity.machines
      .filter((machine) => this.#cloud.isShown(machine, nowMs))
      .map((machine) => ({
        machineId: machine.machineId,
        state: capacity.stateOf(machine, nowMs),
        machineType: machine.offer.machineType,
        location: machine.offer.location,
        market: machine.offer.market === 'on-demand' ? 'on-demand' : 'spot',
        addresses: { private: '10.0.0.1', public: null },
        launchedAtMs: machine.launchedAtMs,
        endReason: machine.endReason,
        endCause: endCauseOf(machine.endReason),
        run,
        launch,
      }));
  }

  #marketSwitch(): MarketSwitch {
    return {
      switchTo: (ref, market, nodes) =>
        this.#call('switchTo', () => {
          const capacity = this.#capacity(ref);
          if (capacity === null) throw new RunctlError('cloud-error', `there is no capacity ${idOf(ref)}`);
          capacity.switchTo(market, nodes, this.#cloud.settle());
          this.#cloud.settle();
        }),
    };
  }

  async #run(...[machineId, script, options]: Parameters<RemoteShell['run']>): ReturnType<RemoteShell['run']> {
    const machine = (await this.machines()).find((other) => other.machineId === machineId);
    if (machine?.state !== 'running')
      throw new RunctlError('agent-unreachable', `${machineId} did not run the script: it is not running`, {
        hint: [command('status', 'RUN'), ' shows its last heartbeat'],
      });
    return this.#cloud.shell(machineId, script, options);
  }

  #call<T>(method: Parameters<MemoryCloud['faults']['meet']>[0], effect: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(new RunctlError('internal', `${method} was called after close`));
    return this.#cloud.faults.meet(method, effect);
  }
}

function endCauseOf(reason: string | null): RentedMachine['endCause'] {
  if (reason === null) return null;
  return {
    kind: reason === 'taken-back' ? 'taken-back' : 'unknown',
    text: `the memory cloud says ${reason}`,
    hint: null,
  };
}

function idOf(ref: CapacityRef): string {
  const read = memoryRef.safeParse(ref);
  if (read.success) return read.data.id;
  throw new RunctlError('internal', `${JSON.stringify(ref)} is no capacity of the memory cloud`);
}

function offersOf(rules: MemoryRules, wish: OfferWish): readonly Offer[] {
  const { machineTypes, locations, markets } = rules;
  const meeting = typesMeeting(rules, wish);
  const wanted = wish.machineTypes.length > 0 ? wish.machineTypes : meeting;
  const missing = wanted.filter((type) => machineTypes[type] === undefined);
  if (missing.length > 0) {
    const close = missing.map((type) => nearest(type, Object.keys(machineTypes))).filter((type) => type !== null);
    throw new RunctlError('instance-type-unknown', `${rules.place} has no machine type ${missing.join(', ')}`, {
      hint: close.length === 0 ? 'choose another type' : `did you mean ${close.join(', ')}?`,
    });
  }
  const architecture = wish.architecture ?? machineTypes[wanted[0] ?? '']?.architecture ?? 'x64';
  const fitting = wanted.filter((type) => machineTypes[type]?.architecture === architecture);
  const lacking = wanted.find((type) => !meeting.includes(type));
  if (lacking !== undefined || wanted.length === 0)
    throw new RunctlError('pool-invalid', `${lacking ?? `no type of ${rules.place}`} lacks what is needed`, {
      hint: 'ask for less',
    });
  if (fitting.length < wanted.length || !markets.includes(wish.market))
    throw new RunctlError(
      'pool-invalid',
      `${rules.place} has no ${architecture} ${wanted.join(', ')} as ${wish.market}`,
      {
        hint: 'choose another type or market',
      },
    );
  const offers = fitting.flatMap((machineType) =>
    locations.map((location): Offer => {
      const type = machineTypes[machineType];
      const pricePerHourUsd = type?.usd[wish.market] ?? null;
      const offer = { machineType, location, market: wish.market, pricePerHourUsd, architecture };
      return type?.size === undefined ? offer : { ...offer, size: type.size };
    }),
  );
  return offers.sort((a, b) => (a.pricePerHourUsd ?? Infinity) - (b.pricePerHourUsd ?? Infinity));
}

/** Every type meets no need; where nothing is named and nothing needed, the usual types do. */
function typesMeeting(rules: MemoryRules, { architecture, machineTypes, need = null }: OfferWish): readonly string[] {
  const isNamed = machineTypes.length > 0;
  if (need === null) return isNamed ? Object.keys(rules.machineTypes) : rules.defaultMachineTypes;
  return Object.entries(rules.machineTypes)
    .filter(([, type]) => isNamed || type.architecture === (architecture ?? 'x64'))
    .filter(([, { size }]) => size !== undefined && lackOf(size, need) === null)
    .map(([name]) => name);
}

function abilitiesOf({ recovers, markets, noticeMs }: MemoryRules): ProviderAbilities {
  const reasons = {
    'by-itself': 'the memory cloud replaces machines that are gone',
    watched: 'the memory cloud makes another machine when it is asked to',
    no: 'the memory cloud has no other machine',
  };
  return {
    recovers: { value: recovers, reason: reasons[recovers] },
    noticeMs: { value: noticeMs, reason: 'machines of the memory cloud go without a word' },
    expires: { value: true, reason: 'the memory cloud ends what is over' },
    pauses: { value: false, reason: 'machines of the memory cloud have no disk' },
    markets: { value: markets, reason: 'the rules of this memory cloud say so' },
    volumes: { value: false, reason: 'machines of the memory cloud have no disk' },
    privateNetwork: { value: false, reason: 'machines of the memory cloud have no network' },
  };
}
