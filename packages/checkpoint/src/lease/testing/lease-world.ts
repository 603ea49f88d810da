import { type Clock, silentLog } from '@runctl/core';
import { decodeDocument, encodeDocument, leaseDocument, type LeaseDocument, runKeys } from '@runctl/protocol';
import { collect, MemoryStore, type ObjectStore, readBytes, StoreError } from '@runctl/store';
import { LeaseKeeper } from '../lease-keeper.ts';
import type { LeasePolicy } from '../lease-machine.ts';
import type { LeaseIdentity } from '../lease-memory.ts';

/** What happens to one request: when it takes effect, when its answer comes, and what gets lost on the way. */
export interface Fate {
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly loss: 'none' | 'request' | 'answer';
}

/** One machine's story, in true milliseconds. */
export interface AgentPlan {
  readonly startMs: number;
  /** Its clock's seconds per true second. */
  readonly clockRate: number;
  readonly restarts: readonly { readonly afterMs: number; readonly downMs: number }[];
  readonly releaseAfterMs: number | null;
}

export interface WorldPlan {
  readonly policy: LeasePolicy;
  readonly agents: readonly AgentPlan[];
  /** Requests take theirs in turn, over and over. */
  readonly fates: readonly Fate[];
  /** What somebody does to the lease itself, who is no part of the run; null: nothing. */
  readonly harm: { readonly atMs: number; readonly how: 'delete' | 'damage' | 'put-back' } | null;
  /** From here on every request goes through at once. */
  readonly calmFromMs: number;
  readonly endMs: number;
}

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

const RUN = 'r-aaaaaaaaaa';
const keys = runKeys(RUN);
const EPOCH_MS = 1_800_000_000_000;

/**
 * Several machines after one lease, in simulated time: a bucket with S3's rules, requests that are slow, lost, or take
 * effect long after their sender gave up, agents that die and come back. `violations` says what must never be.
 */
export class LeaseWorld {
  readonly violations: string[] = [];
  readonly agents: SimulatedAgent[];
  readonly plan: WorldPlan;
  nowMs = 0;
  #sleepers: Sleeper[] = [];
  #requests = 0;
  readonly #bucket: MemoryStore;
  #document: LeaseDocument | null = null;
  #harmed = false;
  /** The first version of the lease, which may be put back. */
  #first: Uint8Array | null = null;

  constructor(plan: WorldPlan) {
    this.plan = plan;
    this.#bucket = new MemoryStore({ clock: { wallMs: () => EPOCH_MS + this.nowMs } });
    this.agents = plan.agents.map((agent, index) => new SimulatedAgent(this, agent, `i-${index}`));
  }

  get document(): LeaseDocument | null {
    return this.#document;
  }

  async run(): Promise<void> {
    for (const agent of this.agents) void agent.live();
    if (this.plan.harm !== null) void this.#harm(this.plan.harm);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#check();
      let next: Sleeper | null = null;
      for (const sleeper of this.#sleepers) if (next === null || sleeper.atMs < next.atMs) next = sleeper;
      if (next === null || next.atMs > this.plan.endMs) return;
      this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const leave = () => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        reject(signal?.reason as Error);
      };
      const sleeper = {
        atMs: this.nowMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** The bucket as one agent reaches it. The lease uses nothing but these. */
  bucketFor(): ObjectStore {
    const request = <T>(perform: () => Promise<T>, signal?: AbortSignal) => this.#request(perform, signal);
    const listed = async function* <T>(list: () => AsyncIterable<T>, signal?: AbortSignal): AsyncIterable<T> {
      yield* await request(() => all(list()), signal);
    };
    const reach: Pick<ObjectStore, 'get' | 'put' | 'list' | 'listFolders'> = {
      get: (key, options) => this.#request(() => this.#bucket.get(key), options?.signal),
      list: (options) => listed(() => this.#bucket.list({ prefix: options.prefix }), options.signal),
      listFolders: (options) => listed(() => this.#bucket.listFolders({ prefix: options.prefix }), options.signal),
      put: (key, body, options) =>
        this.#request(async () => {
          const bytes = body instanceof Uint8Array ? body : await collect(body.open());
          const put = await this.#bucket.put(key, bytes, { when: options?.when });
          await this.#written(decodeDocument(leaseDocument, await readBytes(this.#bucket, key), key));
          return put;
        }, options?.signal),
    };
    return reach as ObjectStore;
  }

  async #request<T>(perform: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const calm = this.nowMs >= this.plan.calmFromMs;
    const fate = calm ? null : (this.plan.fates[this.#requests++ % this.plan.fates.length] ?? null);
    const answered = (async () => {
      await this.sleep(fate?.beforeMs ?? 1);
      if (fate?.loss === 'request') throw new StoreError('transient', 'the request was lost');
      const outcome = await perform();
      await this.sleep(fate?.afterMs ?? 1);
      if (fate?.loss === 'answer') throw new StoreError('transient', 'the answer was lost');
      return outcome;
    })();
    // Whoever gives up stops waiting; the request itself goes on.
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new StoreError('aborted', 'given up')), { once: true });
      answered.then(resolve, reject);
    });
  }

  async #harm({ atMs, how }: NonNullable<WorldPlan['harm']>): Promise<void> {
    await this.sleep(atMs);
    this.#harmed = true;
    if (how === 'delete') await this.#bucket.delete([keys.lease]);
    else if (how === 'damage') await this.#bucket.put(keys.lease, Buffer.from('{"version":1,"gen'));
    else if (this.#first !== null) await this.#bucket.put(keys.lease, this.#first);
  }

  async #written(document: LeaseDocument): Promise<void> {
    const before = this.#document;
    this.#document = document;
    this.#first ??= encodeDocument(leaseDocument, document);
    // As a run shows each generation in its folders, within moments.
    await this.#bucket.put(keys.attempt(document.generation, 0).started, Buffer.from('{}'));
    if (before === null) return;
    if (document.generation < before.generation) this.#violated('the generation fell');
    const isFirstAfterHarm = this.#harmed;
    this.#harmed = false;
    // What was there before is not what this was written upon.
    if (isFirstAfterHarm) return;
    const sameHolder = before.nonce === document.nonce && !before.released;
    if (sameHolder && document.generation !== before.generation) this.#violated('a holder changed its generation');
    if (!sameHolder && document.generation !== before.generation + 1) {
      this.#violated('a new holder did not take the next generation');
    }
  }

  #check(): void {
    const publishers = this.agents.filter((agent) => agent.mayPublish() !== null);
    if (publishers.length > 1)
      this.#violated(`${publishers.map((agent) => agent.name).join(' and ')} may both publish`);
    for (const agent of publishers) {
      if (agent.mayPublish() !== this.#document?.generation)
        this.#violated(`${agent.name} may publish what is not its own`);
    }
  }

  #violated(what: string): void {
    if (this.violations.length < 20) this.violations.push(`${this.nowMs} ms: ${what}`);
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** One machine: an agent that takes the lease, keeps it, dies and comes back by its plan, and stops when it is fenced. */
export class SimulatedAgent {
  readonly name: string;
  readonly #world: LeaseWorld;
  readonly #plan: AgentPlan;
  #identity: LeaseIdentity | null = null;
  #keeper: LeaseKeeper | null = null;
  fenced = false;

  constructor(world: LeaseWorld, plan: AgentPlan, name: string) {
    this.#world = world;
    this.#plan = plan;
    this.name = name;
  }

  mayPublish(): number | null {
    return this.#keeper?.mayPublish()?.generation ?? null;
  }

  async live(): Promise<void> {
    const world = this.#world;
    await world.sleep(this.#plan.startMs);
    for (const { afterMs, downMs } of this.#plan.restarts) {
      const death = new AbortController();
      const life = this.#work(death.signal, null);
      await world.sleep(afterMs);
      this.#keeper = null;
      death.abort(new Error('the process died'));
      await life;
      if (this.fenced) return;
      await world.sleep(downMs);
    }
    await this.#work(new AbortController().signal, this.#plan.releaseAfterMs);
  }

  async #work(death: AbortSignal, releaseAfterMs: number | null): Promise<void> {
    const keeper = this.#newKeeper();
    this.#keeper = keeper;
    try {
      if ((await keeper.resume()) === null) await keeper.acquire({ signal: death, onWait: () => {} });
      const stop = new AbortController();
      if (releaseAfterMs !== null) {
        this.#world.sleep(releaseAfterMs).then(
          () => stop.abort(),
          () => {},
        );
      }
      await keeper.run(AbortSignal.any([death, stop.signal]), () => (this.fenced = true));
      if (stop.signal.aborted && !this.fenced) await keeper.release(death).catch(() => {});
    } catch (error) {
      if (!death.aborted) throw error;
    }
  }

  #newKeeper(): LeaseKeeper {
    return new LeaseKeeper({
      store: this.#world.bucketFor(),
      run: RUN,
      clock: this.#clock(),
      log: silentLog,
      policy: this.#world.plan.policy,
      claim: { owner: this.name, launch: 1, nodes: 1 },
      memory: {
        load: async () => this.#identity,
        save: async (identity) => {
          this.#identity = identity;
        },
      },
    });
  }

  #clock(): Clock {
    const { clockRate, startMs } = this.#plan;
    return {
      monotonicMs: () => (this.#world.nowMs + startMs) * clockRate,
      wallMs: () => 0,
      sleep: (ms, signal) => this.#world.sleep(ms / clockRate, signal),
    };
  }
}
