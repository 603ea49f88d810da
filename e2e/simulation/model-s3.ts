import { MemoryStore, type ObjectInfo, type ObjectStore, StoreError } from '@runctl/store';
import { EPOCH_MS, type Process } from './process.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';
import { CALM, type Fate, fateOf, type Weather } from './weather.ts';

export interface Write {
  readonly operation: 'put' | 'complete' | 'copy' | 'delete';
  readonly key: string;
  /** Who sent it; it may be dead by the time the write lands. */
  readonly by: Process;
}

export interface S3Observer {
  /** A write leaves its sender, who is alive. */
  sent(write: Write): void;
  /** A write is about to take effect. For deletions: of each key. */
  landing(write: Write): Promise<void>;
  landed(write: Write): Promise<void>;
}

export interface Call<T> {
  readonly operation: string;
  /** Writes that others can see, by key. */
  readonly writes: readonly Write[];
  readonly conditional: boolean;
  readonly signal: AbortSignal | undefined;
  readonly perform: (store: ObjectStore) => Promise<T>;
}

/** Senders give up on an answer after this, as the HTTP transport does. */
const SENDER_TIMEOUT_MS = 8000;

/**
 * S3 behind a bad network. What it stores is MemoryStore's: strongly consistent, times in whole seconds by a clock of its
 * own. Calls reach it in any order, take effect long after their sender gave up or died, and get lost on either way.
 */
export class ModelS3 {
  readonly contents: MemoryStore;
  readonly timeline: Timeline;
  weather: Weather = CALM;
  /** What nobody may do now: somebody has taken a right away. */
  denied: 'nothing' | 'writing' | 'everything' = 'nothing';
  observer: S3Observer | null = null;
  /** Calls that have not landed yet. */
  underWay = 0;
  readonly #random: Random;

  constructor(timeline: Timeline, random: Random) {
    this.timeline = timeline;
    this.#random = random;
    this.contents = new MemoryStore({ clock: { wallMs: () => EPOCH_MS + timeline.nowMs }, minPartBytes: 1 });
  }

  /** Whether this answer breaks off, and after what share of it. */
  cutAt(): number | null {
    return this.#random.chance(this.weather.cut) ? this.#random.next() : null;
  }

  call<T>(process: Process, call: Call<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!process.alive) return;
      if (call.signal?.aborted) return reject(new StoreError('aborted', 'aborted before it was sent'));
      const dies = process.isLastCall();
      if (dies && this.#random.chance(0.3)) return process.die();
      for (const write of call.writes) this.observer?.sent(write);
      const onAbort = (): void => reject(new StoreError('aborted', 'aborted'));
      call.signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (how: () => void): void =>
        process.deliver(() => {
          call.signal?.removeEventListener('abort', onAbort);
          how();
        });
      const sent = (process.host.cutOffUntilMs ?? 0) > this.timeline.nowMs ? this.#vanish() : this.#send(call);
      sent.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
      if (dies) process.die();
    });
  }

  async #vanish(): Promise<never> {
    await this.timeline.sleep(this.#random.int(10, SENDER_TIMEOUT_MS));
    throw new StoreError('transient', 'no route');
  }

  async #send<T>(call: Call<T>): Promise<T> {
    const fate = fateOf(this.#random, this.weather, call.conditional);
    const outcome = this.#travel(call, fate);
    if (fate.beforeMs + fate.afterMs < SENDER_TIMEOUT_MS) return outcome;
    outcome.catch(() => {});
    await this.timeline.sleep(SENDER_TIMEOUT_MS);
    throw new StoreError('transient', 'no answer came in time');
  }

  async #travel<T>(call: Call<T>, fate: Fate): Promise<T> {
    this.underWay++;
    await this.timeline.sleep(fate.beforeMs);
    const landed = this.#land(call, fate);
    landed.catch(() => {});
    await landed.then(
      () => this.underWay--,
      () => this.underWay--,
    );
    await this.timeline.sleep(fate.afterMs);
    if (fate.outcome === 'lost' || fate.outcome === 'answer-lost')
      throw new StoreError('transient', `${call.operation}: the connection broke`);
    if (fate.outcome === 'internal-error')
      throw new StoreError('transient', `${call.operation}: 500`, { status: 500, code: 'InternalError' });
    const value = await landed;
    if (value === null) throw new Error('a call that was answered did not land');
    return value.answer;
  }

  /** Null where it has no effect and the error of its fate is the answer. */
  async #land<T>(call: Call<T>, fate: Fate): Promise<{ readonly answer: T } | null> {
    if (fate.outcome === 'lost') return null;
    if (fate.outcome === 'internal-error' && !fate.takesEffect) return null;
    if (fate.outcome === 'slow-down')
      throw new StoreError('transient', `${call.operation}: 503`, { status: 503, code: 'SlowDown' });
    if (this.denied === 'everything' || (this.denied === 'writing' && call.writes.length > 0))
      throw new StoreError('denied', `${call.operation}: 403`, { status: 403, code: 'AccessDenied' });
    if (fate.outcome === 'conflict')
      throw new StoreError('conflict', `${call.operation}: 409`, { status: 409, code: 'ConditionalRequestConflict' });
    for (const write of call.writes) await this.observer?.landing(write);
    const answer = await call.perform(this.contents);
    for (const write of call.writes) await this.observer?.landed(write);
    return { answer };
  }
}

/** The objects of a listing. */
export async function listed<T = ObjectInfo>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
