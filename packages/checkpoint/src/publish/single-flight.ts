import type { Clock } from '@runctl/core';
import type { PassOptions, PassReport } from '../contract/publisher-port.ts';
import { PassTurns, type TurnsOptions } from './turns.ts';

interface Flight {
  readonly pass: PassOptions;
  readonly report: Promise<PassReport>;
  readonly urgent: boolean;
  abort(reason: Error): void;
}

export interface SingleFlightOptions extends TurnsOptions {
  /** Whether the pass under way is sending what this one would send first. */
  readonly isStillFirst: (pass: PassOptions) => Promise<boolean>;
}

/**
 * Lets one pass run at a time. A call without an end or a deadline joins a running one. A call with a deadline aborts one
 * that is sending something else than what goes first now, waits for one that is sending that already, and is itself cut
 * off at the deadline. In a hurry every pass has the deadline.
 */
export class SingleFlight {
  readonly #options: SingleFlightOptions;
  readonly #turns: PassTurns;
  #current: Flight | null = null;

  constructor(options: SingleFlightOptions) {
    this.#options = options;
    this.#turns = new PassTurns(options);
  }

  /** See `Publisher.pass`. */
  async pass(asked: PassOptions): Promise<PassReport> {
    const joins = asked.ended === undefined && asked.deadlineMs === undefined;
    for (let flight = this.#current; flight !== null; flight = this.#current) {
      if (joins) return flight.report;
      const hurried = this.#turns.hurried(asked);
      if (hurried.deadlineMs !== undefined && !flight.urgent) await this.#overtake(flight, hurried);
      await untilOver(flight, this.#turns.deadlineOf(asked), this.#options.clock);
    }
    return this.#start(this.#turns.hurried(asked));
  }

  /** See `Publisher.hurry`. */
  async hurry(deadlineMs: number): Promise<void> {
    this.#turns.hurry(deadlineMs);
    const flight = this.#current;
    if (flight !== null && !flight.urgent) await this.#overtake(flight, this.#turns.hurried(flight.pass));
  }

  calm(): void {
    this.#turns.calm();
  }

  #start(pass: PassOptions): Promise<PassReport> {
    const { clock } = this.#options;
    const stop = new AbortController();
    const report = this.#turns.run(pass, AbortSignal.any([pass.signal, stop.signal])).finally(() => {
      stop.abort(new Error('the pass is over'));
      if (this.#current?.report === report) this.#current = null;
    });
    const urgent = pass.deadlineMs !== undefined;
    this.#current = { pass, report, urgent, abort: (reason) => stop.abort(reason) };
    if (pass.deadlineMs !== undefined)
      clock.sleep(pass.deadlineMs - clock.monotonicMs(), stop.signal).then(
        () => stop.abort(new Error('the deadline has come')),
        () => {},
      );
    return report;
  }

  /** A look that fails shows nothing, and then what is being sent may be worthless. */
  async #overtake(flight: Flight, pass: PassOptions): Promise<void> {
    if (!(await this.#options.isStillFirst(pass).catch(() => false)))
      flight.abort(new Error('a checkpoint that can be secured goes first'));
  }
}

async function untilOver(flight: Flight, deadlineMs: number | undefined, clock: Clock): Promise<void> {
  const over = new AbortController();
  if (deadlineMs !== undefined)
    clock.sleep(deadlineMs - clock.monotonicMs(), over.signal).then(
      () => flight.abort(new Error('the deadline has come')),
      () => {},
    );
  await flight.report;
  over.abort(new Error('the pass is over'));
}
