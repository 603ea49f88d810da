import { messageOf } from '@runctl/core';
import type { AttemptEffect, AttemptEvent, WorkloadExit } from '../lifecycle/model.ts';
import type { DriverOptions, FlushRequest } from './attempt-driver.ts';
import type { Inbox } from './inbox.ts';

/** Movement is looked for this often within the time after which its lack ends a flush. */
const MOVEMENT_LOOKS = 120;

export type EffectsOptions = Pick<DriverOptions, 'actions' | 'clock' | 'log' | 'policy'>;

export interface EffectChannels {
  /** Where each effect puts its answer. */
  readonly inbox: Inbox<AttemptEvent>;
  /** Ends every effect. */
  readonly over: AbortSignal;
  readonly preparation: AbortController;
}

/** Starts the effects of one attempt; each answers with an event, failures too. */
export class AttemptEffects {
  readonly #options: EffectsOptions;
  readonly #channels: EffectChannels;
  /** Fires when the workload has. */
  readonly #ended = new AbortController();
  readonly #flushing = new AbortController();
  readonly #stopped = new AbortController();

  constructor(options: EffectsOptions, channels: EffectChannels) {
    this.#options = options;
    this.#channels = channels;
  }

  perform(effect: AttemptEffect): void {
    const { actions, log } = this.#options;
    const { preparation } = this.#channels;
    switch (effect.type) {
      case 'adopt':
        return this.#start('looking for a workload', this.#adopt(), preparationFailed);
      case 'prepare':
        return this.#start('preparing', this.#prepare(), (message) =>
          preparation.signal.aborted ? null : preparationFailed(message),
        );
      case 'cancel-preparation':
        return preparation.abort(new Error('stopped before the start'));
      case 'spawn':
        return this.#start('starting the workload', this.#spawn(), (message) => ({ type: 'spawn-failed', message }));
      case 'signal':
        log.info({ signal: effect.signal }, 'to the workload');
        return this.#start(effect.signal, actions.signal(effect.signal), () => null);
      case 'follow-saving':
        return this.#start('following the save', this.#followSaving(), () => null);
      case 'flush':
        return this.#start('saving', this.#flush(effect), () => ({ type: 'flush-failed' }));
      case 'give-up-flush':
        return this.#flushing.abort(new Error('the time for saving is over'));
      case 'report':
        return this.#start('reporting', this.#report(effect), () => ({ type: 'reported' }));
      case 'wake':
        return this.#wake(effect.atMs);
      case 'finish':
        return;
    }
  }

  /** Takes no word of the script for its own any more: it is being stopped. What it has said before stands. */
  disbelieve(): void {
    this.#stopped.abort(new Error('the workload is being stopped'));
  }

  #put(event: AttemptEvent): void {
    this.#channels.inbox.push(event);
  }

  /** `onFailure` makes the event of a failure; null: it is none. */
  #start(what: string, effect: Promise<void>, onFailure: (message: string) => AttemptEvent | null): void {
    effect.catch((error: unknown) => {
      const message = messageOf(error);
      if (!this.#channels.over.aborted) this.#options.log.warn({ error: message }, `${what} failed`);
      const event = onFailure(message);
      if (event !== null) this.#put(event);
    });
  }

  async #adopt(): Promise<void> {
    const answer = await this.#options.actions.adopt();
    if (!answer.adopted) return this.#put({ type: 'nothing-running' });
    this.#put({ type: 'adopted', drain: answer.drain });
    // Of its own accord only a script that was done is told to stop.
    if (answer.drain !== null && answer.drain.cause !== 'exited') this.disbelieve();
    this.#watch();
  }

  async #prepare(): Promise<void> {
    await this.#options.actions.prepare(this.#channels.preparation.signal);
    this.#put({ type: 'prepared' });
  }

  async #spawn(): Promise<void> {
    await this.#options.actions.spawn();
    this.#put({ type: 'started' });
    this.#watch();
  }

  #watch(): void {
    const { over } = this.#channels;
    this.#options.actions.done({ stopped: this.#stopped.signal, over }).then(
      () => this.#put({ type: 'done' }),
      () => {},
    );
    this.#options.actions.exited(over).then(
      (exit) => this.#exited(exit),
      (error: unknown) => {
        if (over.aborted) return;
        this.#options.log.error({ error: messageOf(error) }, 'the workload could not be watched');
        this.#exited({ code: null, signal: null });
      },
    );
  }

  #exited(exit: WorkloadExit): void {
    this.#ended.abort(new Error('the workload has ended'));
    this.#put({ type: 'exited', exit });
  }

  async #followSaving(): Promise<void> {
    const ended = AbortSignal.any([this.#ended.signal, this.#channels.over]);
    await this.#options.actions
      .followSaving((progress) => this.#put({ type: 'saving', progress }), ended)
      .catch((error: unknown) => {
        if (!ended.aborted) throw error;
      });
  }

  async #flush(request: FlushRequest): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#flushing.signal, this.#channels.over]);
    this.#reportMovement(AbortSignal.any([signal, ended.signal])).catch(() => {});
    const complete = await this.#options.actions.flush(request, signal).finally(() => ended.abort());
    this.#put({ type: complete ? 'flushed' : 'flush-failed' });
  }

  /** Rejects when the signal fires. */
  async #reportMovement(signal: AbortSignal): Promise<never> {
    const { actions, clock, policy } = this.#options;
    for (let before = actions.sentWrites(); ; before = actions.sentWrites()) {
      await clock.sleep(policy.stalledFlushMs / MOVEMENT_LOOKS, signal);
      if (actions.sentWrites() !== before) this.#put({ type: 'moved' });
    }
  }

  async #report(effect: Extract<AttemptEffect, { type: 'report' }>): Promise<void> {
    const { signal, done } = this.#until(effect.byMs);
    await this.#options.actions.report(effect.ending, effect.flush, signal).finally(done);
    this.#put({ type: 'reported' });
  }

  #until(byMs: number): { readonly signal: AbortSignal; readonly done: () => void } {
    const { clock } = this.#options;
    const late = new AbortController();
    const waiting = new AbortController();
    clock.sleep(byMs - clock.monotonicMs(), waiting.signal).then(
      () => late.abort(new Error('the deadline came first')),
      () => {},
    );
    return { signal: AbortSignal.any([late.signal, this.#channels.over]), done: () => waiting.abort() };
  }

  #wake(atMs: number): void {
    const { clock } = this.#options;
    clock.sleep(atMs - clock.monotonicMs(), this.#channels.over).then(
      () => this.#put({ type: 'tick' }),
      () => {},
    );
  }
}

const preparationFailed = (message: string): AttemptEvent => ({ type: 'preparation-failed', message });
