import { messageOf } from '@runctl/core';
import { type LaunchOutcome, timestampOf } from '@runctl/protocol';
import { endLaunch } from '../ending/end-launch.ts';
import { bringCode } from '../preparation/prepare.ts';
import type { LifeContext } from './attempt-context.ts';
import { AttemptLife, type LastVerdict } from './attempt-life.ts';
import { beginGeneration, shipperOf } from './generation.ts';
import { outcomeOf } from './launch-outcome.ts';
import { type LearnedFacts, until } from './learn.ts';
import { Services } from './services.ts';
import { shutdownWindowMs } from './windows.ts';

/** What to do next; the loop below knows nothing else. */
type Next =
  { readonly do: 'attempt'; readonly generation: number } | { readonly do: 'finish' } | { readonly do: 'leave' };

/** One agent's life on one machine, once it knows its run. */
export class Life {
  readonly #context: LifeContext;
  readonly #learned: LearnedFacts;
  readonly #signal: AbortSignal;
  readonly #services: Services;
  readonly #leaving = new AbortController();
  /** Only a survivor of a notice tries once instead of waiting: who lost is superfluous. */
  #survivor = false;

  constructor(context: LifeContext, learned: LearnedFacts, signal: AbortSignal) {
    this.#context = context;
    this.#learned = learned;
    this.#signal = AbortSignal.any([signal, this.#leaving.signal]);
    this.#services = new Services(context);
  }

  async live(): Promise<'off' | 'leaving'> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const services = this.#services.run(signal);
    this.#context.ports.onShutdown(() => this.#shutDown());
    try {
      return await this.#untilTheEnd();
    } catch (error) {
      if (this.#leaving.signal.aborted) return 'leaving';
      throw error;
    } finally {
      stop.abort();
      await services;
    }
  }

  /** No notice and little time: what runs is stopped and saved; where nothing runs there is nothing to stay for. */
  #shutDown(): void {
    const { facts, life, ports, stops } = this.#context;
    ports.log.warn({ phase: life.phase }, 'the machine is shutting down');
    if (life.phase === 'waiting' || life.phase === 'ended') return this.#leaving.abort(new Error('shutting down'));
    const haltAtMs = ports.clock.monotonicMs() + shutdownWindowMs(facts.spec.timing.noticeMs);
    stops.raise({ cause: 'machine-shutdown', haltAtMs, graceMs: null });
  }

  async #untilTheEnd(): Promise<'off' | 'leaving'> {
    for (;;) {
      const next = await this.#next();
      if (next.do === 'finish') return this.#end(null);
      if (next.do === 'leave') return this.#superfluous();
      const verdict = await this.#attempt(next.generation);
      if (verdict.next === 'end-launch')
        return this.#end(
          outcomeOf(this.#context, { status: verdict.launch, cause: verdict.cause, message: verdict.message }),
        );
      if (verdict.next === 'yield') {
        if (await this.#yield()) return 'leaving';
      } else if ((await this.#context.documents.launchOutcome(this.#signal).catch(() => null)) === null)
        return this.#superfluous();
    }
  }

  /** Whether there is something to do here, and as which generation. */
  async #next(): Promise<Next> {
    const { journal, lease, supervisor } = this.#context;
    const attempt = journal.state.attempt;
    if (attempt !== null && journal.state.restUntil === null) {
      // Maybe an agent died here: its workload is taken over before anything is asked of a network that may be down.
      const found = await supervisor.adopt({ stopping: attempt.drain !== null });
      const generation = found === null ? null : await lease.resume();
      if (generation !== null && generation === attempt.generation) return { do: 'attempt', generation };
    }
    if (journal.state.restUntil !== null) await this.#rest(Date.parse(journal.state.restUntil));
    if (await this.#isOver()) return { do: 'finish' };
    if (!(await this.#mayEndFleet())) return { do: 'finish' };
    const generation = this.#survivor ? await this.#tryLease() : await this.#waitForLease();
    if (generation === null) return this.#survivor ? { do: 'leave' } : { do: 'finish' };
    if (await this.#isOver()) return { do: 'finish' };
    return { do: 'attempt', generation };
  }

  async #isOver(): Promise<boolean> {
    const { documents, ports } = this.#context;
    const ask = () => documents.launchOutcome(this.#signal);
    return (await until('the launch could not be looked at', ask, { ports, signal: this.#signal })) !== null;
  }

  /** Proven before any training: a run whose machines can't end their fleet would cost money for ever. */
  async #mayEndFleet(): Promise<boolean> {
    const { documents, life, ports } = this.#context;
    const find = () => this.#fleetId();
    const fleetId = await until('the fleet could not be looked up', find, { ports, signal: this.#signal });
    if (fleetId === null) return true;
    const ask = () => ports.fleetEnder.mayDelete(fleetId);
    const may = await until('it is not known whether the fleet may be deleted', ask, { ports, signal: this.#signal });
    if (may) return true;
    const message = `this machine may not delete its fleet ${fleetId}, so nothing would ever end it; nothing was trained`;
    life.warn(message);
    const outcome = outcomeOf(this.#context, { status: 'failed', cause: 'spawn-failed', message });
    await until('the outcome could not be written', () => documents.endLaunch(outcome), {
      ports,
      signal: this.#signal,
    });
    return false;
  }

  async #fleetId(): Promise<string | null> {
    const { identity, fleet } = this.#learned;
    const known = identity.fleetId ?? fleet?.fleetId ?? null;
    if (known !== null || this.#learned.intent === null) return known;
    return (await this.#context.documents.fleet())?.fleetId ?? null;
  }

  async #tryLease(): Promise<number | null> {
    const { lease, ports } = this.#context;
    this.#survivor = false;
    const generation = await until('the lease could not be asked for', () => lease.tryAcquire(this.#signal), {
      ports,
      signal: this.#signal,
    });
    this.#survivor = generation === null;
    return generation;
  }

  /** Null when the launch ended meanwhile. Code and checkpoint are fetched in the time. */
  async #waitForLease(): Promise<number | null> {
    const { checkpoints, lease, life, ports } = this.#context;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#signal, over.signal]);
    const watching = this.#services.endOfLaunch(signal, () => over.abort());
    life.enter('waiting', 'waiting for the lease');
    let fetching: Promise<unknown> = Promise.resolve();
    const onWait = ({ owner }: { readonly owner: string }): void => {
      life.enter('waiting', `waiting for the lease that ${owner} holds`);
      // One after the other: both write to places of their own that are the same each time.
      fetching = fetching.then(() =>
        Promise.all([
          bringCode(this.#context, signal).catch(() => {}),
          checkpoints.prefetch({ signal, onProgress: () => {} }),
        ]),
      );
    };
    try {
      return await lease.acquire({ signal, onWait });
    } catch (error) {
      if (over.signal.aborted && !this.#signal.aborted) return null;
      throw error;
    } finally {
      over.abort();
      await Promise.all([watching, fetching]).catch((error: unknown) =>
        ports.log.warn({ error: messageOf(error) }, 'while waiting for the lease'),
      );
    }
  }

  async #attempt(generation: number): Promise<LastVerdict> {
    const { facts, life, ports } = this.#context;
    await beginGeneration(this.#context, generation, this.#signal);
    life.generation = generation;
    const shipper = shipperOf(this.#context, generation);
    const attempt = new AttemptLife(this.#context, shipper);
    const during = new AbortController();
    const signal = AbortSignal.any([this.#signal, during.signal]);
    const services = this.#services.runAttempt({ attempt, shipper, generation, signal });
    try {
      const verdict = await attempt.live(this.#signal);
      life.enter('ended', verdict.message);
      const late = AbortSignal.timeout(facts.spec.timing.survivalMs);
      await attempt.reportLate(AbortSignal.any([signal, late])).catch((error: unknown) => {
        ports.log.error({ error: messageOf(error) }, 'how the attempt ended is not written down');
      });
      ports.log.info({ ...verdict }, 'the attempt ended');
      return verdict;
    } finally {
      during.abort();
      await services;
    }
  }

  /** After an interruption: the successor may start at once; true when the machine is shutting down and waits for us. */
  async #yield(): Promise<boolean> {
    const { facts, journal, lease, life, ports, stops } = this.#context;
    const { noticeMs, survivalMs } = facts.spec.timing;
    const halts = stops.standing.flatMap((request) => (request.haltAtMs === null ? [] : [request.haltAtMs]));
    const haltMs = Math.min(...halts, ports.clock.monotonicMs() + noticeMs) - ports.clock.monotonicMs();
    // A full disk must not keep the lease from the successor.
    await journal
      .update({ restUntil: timestampOf(ports.clock.wallMs() + Math.max(0, haltMs) + survivalMs) })
      .catch((error: unknown) => ports.log.error({ error: messageOf(error) }, 'journal'));
    await this.#services.lastBeat();
    await until('the lease could not be released', () => lease.release(), {
      ports,
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(noticeMs)]),
    }).catch(() => {});
    life.enter('ended', 'waiting for EC2 to take the machine');
    return stops.standing.some((request) => request.cause === 'machine-shutdown');
  }

  /** A machine that is still there well past its deadline was spared. */
  async #rest(untilMs: number): Promise<void> {
    const { journal, life, ports, stops, supervisor } = this.#context;
    await supervisor.forget();
    await ports.clock.sleep(untilMs - ports.clock.wallMs(), this.#signal);
    ports.log.warn({}, 'the machine outlived its deadline; trying for the lease again');
    stops.withdraw('spot-notice');
    this.#services.outlivedNotice();
    life.notice = null;
    this.#survivor = true;
    await journal.update({ restUntil: null });
  }

  async #end(outcome: LaunchOutcome | null): Promise<'off'> {
    const { documents, lease, life, ports } = this.#context;
    await this.#services.lastBeat();
    await endLaunch(outcome, {
      documents,
      fleetEnder: ports.fleetEnder,
      fleetId: () => this.#fleetId(),
      lease,
      power: ports.power,
      clock: ports.clock,
      log: ports.log,
      doing: (what) => life.enter('ended', what),
      signal: this.#signal,
    });
    return 'off';
  }

  /** Another machine has the run: this one only costs money. Its fleet stays, it belongs to the run. */
  async #superfluous(): Promise<'off'> {
    const { life, ports } = this.#context;
    life.enter('ended', 'another machine has the run: powering off');
    await until('the machine could not be powered off', () => ports.power.off(), { ports, signal: this.#signal });
    return 'off';
  }
}
