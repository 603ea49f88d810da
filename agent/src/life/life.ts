import { messageOf } from '@runctl/core';
import { type LaunchOutcome, timestampOf } from '@runctl/protocol';
import type { PowerEnd } from '../host/host.ts';
import { Announcer } from './announcer.ts';
import { endLaunch } from './end-launch.ts';
import type { LifeContext } from './attempt-context.ts';
import { AttemptLife, type LastVerdict } from './attempt-life.ts';
import { runBesideAttempt } from './beside-attempt.ts';
import { CurrentAttempt } from './current-attempt.ts';
import { beginGeneration, shipperOf } from './generation.ts';
import { InterruptionWatch } from './interruption-watch.ts';
import { outcomeOf } from './launch-outcome.ts';
import { insist } from './insist.ts';
import type { LearnedFacts } from './learn.ts';
import { Limits } from './limits.ts';
import { launchCapacity, trainingRefusal } from './refusal.ts';
import { standBy } from './stand-by.ts';
import { obeyWishes } from './wishes.ts';

/** The next thing to do: train, fail the launch, complete the end of one that is over, or power off as not needed. */
type Next =
  | { readonly do: 'attempt'; readonly generation: number }
  | { readonly do: 'refuse'; readonly why: string }
  | { readonly do: 'finish' }
  | { readonly do: 'leave' };

/** What becomes of the machine: see `PowerEnd`; `leaving` when it is shutting down anyway. */
export type AgentEnd = PowerEnd | 'leaving';

export interface LifeOptions {
  readonly signal: AbortSignal;
  /** Called, maybe several times, when the agent waits for the lease or trains: bucket and cloud have answered. */
  readonly onReady: () => void;
}

/** Runs an agent once it knows its run: waits for the lease, drives attempts, ends the launch or leaves it. */
export class Life {
  readonly #context: LifeContext;
  readonly #learned: LearnedFacts;
  readonly #signal: AbortSignal;
  readonly #current = new CurrentAttempt();
  readonly #limits: Limits;
  readonly #watch: InterruptionWatch;
  readonly #announcer: Announcer;
  readonly #onReady: () => void;
  readonly #leaving = new AbortController();
  /** True once the machine has outlived an interruption: it then tries for the lease once, and leaves if it loses. */
  #survivor = false;

  constructor(context: LifeContext, learned: LearnedFacts, options: LifeOptions) {
    this.#context = context;
    this.#learned = learned;
    this.#signal = AbortSignal.any([options.signal, this.#leaving.signal]);
    this.#onReady = options.onReady;
    this.#limits = new Limits(context);
    this.#watch = new InterruptionWatch(context, this.#current);
    this.#announcer = new Announcer(context, { current: this.#current, limits: this.#limits });
  }

  /** Resolves once nothing is left to do here. Rejects with the signal's reason, and where no repetition helps. */
  async live(): Promise<AgentEnd> {
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const company = this.#accompany(signal);
    this.#context.ports.onShutdown(() => this.#shutDown());
    try {
      return await this.#untilTheEnd();
    } catch (error) {
      if (this.#leaving.signal.aborted) return 'leaving';
      throw error;
    } finally {
      stop.abort();
      await company;
    }
  }

  /** Looks after interruptions, wishes, limits and the heartbeat all the time. None of them ends the agent. */
  async #accompany(signal: AbortSignal): Promise<void> {
    const wishes = obeyWishes(this.#context, { current: this.#current, limits: this.#limits });
    await this.#announcer.open();
    await Promise.all([this.#watch, wishes, this.#announcer, this.#limits].map((each) => each.run(signal)));
    await this.#announcer.close();
  }

  /** Handles a shutdown without notice: an attempt is stopped and saved in little time, an agent without one ends. */
  #shutDown(): void {
    const { facts, life, ports, stops } = this.#context;
    ports.log.warn({ phase: life.phase }, 'the machine is shutting down');
    if (life.phase === 'waiting' || life.phase === 'ended') return this.#leaving.abort(new Error('shutting down'));
    const haltAtMs = ports.clock.monotonicMs() + facts.spec.timing.shutdownMs;
    stops.raise({ cause: 'machine-shutdown', haltAtMs, graceMs: null });
  }

  async #untilTheEnd(): Promise<AgentEnd> {
    for (;;) {
      const next = await this.#next();
      if (next.do === 'finish') return this.#end(null);
      if (next.do === 'leave') return this.#superfluous();
      if (next.do === 'refuse') return this.#end({ status: 'failed', cause: 'spawn-failed', message: next.why });
      const verdict = await this.#attempt(next.generation);
      if (verdict.next === 'end-launch')
        return this.#end({ status: verdict.launch, cause: verdict.cause, message: verdict.message });
      if (verdict.next === 'yield') {
        // A launch that is to end anyway needs no successor, which would be paid for until it learned of that.
        const ended = this.#context.stops.endOfLaunch;
        if (ended !== null) {
          const message = `${verdict.message}; no other machine goes on (${ended})`;
          return this.#end({ status: 'stopped', cause: ended, message });
        }
        if (await this.#yield()) return 'leaving';
      } else return this.#fenced();
    }
  }

  /** Another machine's generation has taken over. If that one has ended the launch, this machine completes the end. */
  async #fenced(): Promise<PowerEnd> {
    const outcome = await this.#context.documents.launchOutcome(this.#signal).catch(() => null);
    return outcome === null ? this.#superfluous() : this.#end(null);
  }

  /** Decides what to do next, and in which generation. Waits for the lease if another machine holds it. */
  async #next(): Promise<Next> {
    const { journal, lease, supervisor } = this.#context;
    const attempt = journal.state.attempt;
    if (attempt !== null && journal.state.restUntil === null) {
      // An earlier agent may have died here: adopt its workload before any request, since the network may be down.
      const found = await supervisor.adopt();
      const generation = found === null ? null : await lease.resume();
      if (generation !== null && generation === attempt.generation) return { do: 'attempt', generation };
      // A workload that no lease covers any more must not run on beside the next one.
      if (found !== null) await supervisor.signal('SIGKILL');
    }
    if (journal.state.restUntil !== null) await this.#rest(Date.parse(journal.state.restUntil));
    if (await this.#isOver()) return { do: 'finish' };
    const refusal = await trainingRefusal(this.#context, this.#learned, this.#signal);
    if (refusal !== null) return { do: 'refuse', why: `${refusal}; nothing was trained` };
    const generation = this.#survivor
      ? await this.#tryLease()
      : await standBy(this.#context, { onWait: this.#onReady, signal: this.#signal });
    if (generation === 'superfluous') return { do: 'leave' };
    if (generation === null) return this.#survivor ? { do: 'leave' } : { do: 'finish' };
    if (await this.#isOver()) return { do: 'finish' };
    return { do: 'attempt', generation };
  }

  async #isOver(): Promise<boolean> {
    const { documents, ports } = this.#context;
    const ask = () => documents.launchOutcome(this.#signal);
    return (await insist('the launch could not be looked at', ask, { ports, signal: this.#signal })) !== null;
  }

  async #tryLease(): Promise<number | null> {
    const { lease, ports } = this.#context;
    this.#survivor = false;
    const generation = await insist('the lease could not be asked for', () => lease.acquireUnlessHeld(this.#signal), {
      ports,
      signal: this.#signal,
    });
    this.#survivor = generation === null;
    return generation;
  }

  async #attempt(generation: number): Promise<LastVerdict> {
    const { facts, life, ports } = this.#context;
    this.#onReady();
    await beginGeneration(this.#context, generation, this.#signal);
    life.generation = generation;
    const shipper = shipperOf(this.#context, generation);
    const attempt = new AttemptLife(this.#context, shipper);
    const during = new AbortController();
    const signal = AbortSignal.any([this.#signal, during.signal]);
    this.#current.begin(attempt, shipper);
    this.#announcer.soon();
    const company = runBesideAttempt(this.#context, { shipper, generation, signal });
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
      await company;
    }
  }

  /** After an interruption: releases the lease for a successor. True when a shutdown waits for this agent to end. */
  async #yield(): Promise<boolean> {
    const { facts, journal, lease, life, ports, stops } = this.#context;
    const { releaseMs, restMs, survivalMs } = facts.spec.timing;
    const haltMs = Math.min((stops.haltAtMs ?? Number.POSITIVE_INFINITY) - ports.clock.monotonicMs(), restMs);
    // A full disk must not keep this machine from releasing the lease.
    await journal
      .update({ restUntil: timestampOf(ports.clock.wallMs() + Math.max(0, haltMs) + survivalMs) })
      .catch((error: unknown) => ports.log.error({ error: messageOf(error) }, 'journal'));
    await this.#announcer.lastBeat();
    await insist('the lease could not be released', () => lease.release(), {
      ports,
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(releaseMs)]),
    }).catch(() => {});
    life.enter('ended', 'waiting for the machine to be taken');
    return stops.standing.some((request) => request.cause === 'machine-shutdown');
  }

  /**
   * Sleeps until well past the deadline: a machine that still runs then was spared. The journal keeps `restUntil`
   * until a generation begins here, so that a restarted agent, too, tries for the lease once and does not wait for it.
   */
  async #rest(untilMs: number): Promise<void> {
    const { life, ports, stops, supervisor } = this.#context;
    await supervisor.forget();
    await ports.clock.sleep(untilMs - ports.clock.wallMs(), this.#signal);
    ports.log.warn({}, 'the machine outlived its deadline; trying for the lease again');
    await this.#watch.outliveNotice();
    stops.withdraw('notice');
    // The fence was for the generation that was lost meanwhile, not for the one that may begin now.
    stops.withdraw('fenced');
    life.notice = null;
    this.#survivor = true;
  }

  /** Ends the launch, see `endLaunch`. `what` is null when the launch has an outcome already. */
  async #end(what: Pick<LaunchOutcome, 'status' | 'cause' | 'message'> | null): Promise<PowerEnd> {
    const { documents, lease, life, ports } = this.#context;
    await this.#announcer.lastBeat();
    const outcome = what === null ? null : await outcomeOf(this.#context, what, this.#signal);
    return endLaunch(outcome, {
      documents,
      successors: ports.host.successors,
      capacity: () => launchCapacity(this.#context, this.#learned),
      lease,
      power: ports.host.power,
      clock: ports.clock,
      log: ports.log,
      doing: (what) => life.enter('ended', what),
      signal: this.#signal,
    });
  }

  /** Powers this machine off because another one has the run. What starts machines stays, since the run goes on. */
  async #superfluous(): Promise<PowerEnd> {
    const { life, ports } = this.#context;
    const { power } = ports.host;
    life.enter('ended', `another machine has the run: ${power.doing}`);
    return insist('the machine could not be powered off', () => power.off(), { ports, signal: this.#signal });
  }
}
