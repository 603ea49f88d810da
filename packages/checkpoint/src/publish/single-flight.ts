import type { Clock } from '@runctl/core';
import type { PassOptions, PassReport } from '../contract/publisher-port.ts';

interface Flight {
  readonly pass: PassOptions;
  readonly report: Promise<PassReport>;
  readonly urgent: boolean;
  abort(reason: Error): void;
}

export interface SingleFlightOptions {
  readonly clock: Clock;
  readonly run: (pass: PassOptions) => Promise<PassReport>;
  /** Whether the pass under way is sending what this one would send first. */
  readonly isStillFirst: (pass: PassOptions) => Promise<boolean>;
  /** Whether the pass under way sends what can't be secured any more while something else can. */
  readonly isOvertaken: (pass: PassOptions) => Promise<boolean>;
}

/** The rate of sending is remembered over some seconds, and a switch costs the parts under way. */
const DECIDE_EVERY_MS = 1000;

export interface SingleFlight {
  pass(pass: PassOptions): Promise<PassReport>;
  hurry(deadlineMs: number): Promise<void>;
  calm(): void;
}

/**
 * Lets one pass run at a time. A call without an end or a deadline joins a running one. A call with a deadline stops one
 * that is sending something else than what goes first now, waits for one that is sending that already, and is itself cut
 * off at the deadline. In a hurry every pass has the deadline. With a deadline it is decided anew each second whether what is
 * sent can still make it; where it can't and something else can, the pass begins again with that.
 */
export function singleFlight({ clock, run, isStillFirst, isOvertaken }: SingleFlightOptions): SingleFlight {
  let current: Flight | null = null;
  let hurriedMs: number | null = null;
  /** Wakes who decides for the pass under way. */
  let press = (): void => {};

  const inFlight = (): Flight | null => current;
  const deadlineOf = (pass: PassOptions): number | undefined =>
    hurriedMs === null ? pass.deadlineMs : Math.min(hurriedMs, pass.deadlineMs ?? hurriedMs);

  /** Fires `turn` when another checkpoint has to be sent than the one that is. */
  const decideAnew = async (pass: PassOptions, turn: AbortController, over: AbortSignal): Promise<void> => {
    if (deadlineOf(pass) === undefined)
      await new Promise<void>((resolve) => {
        press = resolve;
        over.addEventListener('abort', () => resolve(), { once: true });
      });
    for (;;) {
      await clock.sleep(DECIDE_EVERY_MS, over);
      const deadlineMs = deadlineOf(pass);
      if (deadlineMs === undefined || !(await isOvertaken({ ...pass, deadlineMs }))) continue;
      return turn.abort(new Error('the rate has fallen: a checkpoint that can still be secured goes first'));
    }
  };

  const runInTurns = async (pass: PassOptions, signal: AbortSignal): Promise<PassReport> => {
    for (let published: PassReport['published'] = null; ;) {
      const turn = new AbortController();
      const over = new AbortController();
      const deciding = decideAnew(pass, turn, over.signal).catch(() => {});
      const deadlineMs = deadlineOf(pass);
      const deadline = deadlineMs === undefined ? {} : { deadlineMs };
      const report = await run({ ...pass, ...deadline, signal: AbortSignal.any([signal, turn.signal]) });
      over.abort(new Error('the turn is over'));
      await deciding;
      published = report.published ?? published;
      if (!turn.signal.aborted || signal.aborted || report.error === null) return { ...report, published };
    }
  };

  const start = (pass: PassOptions): Promise<PassReport> => {
    const stop = new AbortController();
    const report = runInTurns(pass, AbortSignal.any([pass.signal, stop.signal])).finally(() => {
      stop.abort(new Error('the pass is over'));
      if (current?.report === report) current = null;
    });
    const urgent = pass.deadlineMs !== undefined;
    current = { pass, report, urgent, abort: (reason) => stop.abort(reason) };
    if (pass.deadlineMs !== undefined)
      clock.sleep(pass.deadlineMs - clock.monotonicMs(), stop.signal).then(
        () => stop.abort(new Error('the deadline has come')),
        () => {},
      );
    return report;
  };

  /** A look that fails tells nothing, and then what is sent now may be worthless. */
  const overtake = async (flight: Flight, pass: PassOptions): Promise<void> => {
    if (!(await isStillFirst(pass).catch(() => false)))
      flight.abort(new Error('a checkpoint that can be secured goes first'));
  };

  return {
    async pass(asked) {
      const joins = asked.ended === undefined && asked.deadlineMs === undefined;
      for (let flight = inFlight(); flight !== null; flight = inFlight()) {
        if (joins) return flight.report;
        const deadlineMs = deadlineOf(asked);
        if (deadlineMs !== undefined && !flight.urgent) await overtake(flight, { ...asked, deadlineMs });
        await untilOver(flight, deadlineMs, clock);
      }
      const deadlineMs = deadlineOf(asked);
      return start(deadlineMs === undefined ? asked : { ...asked, deadlineMs });
    },
    async hurry(deadlineMs) {
      hurriedMs = Math.min(hurriedMs ?? deadlineMs, deadlineMs);
      press();
      const flight = inFlight();
      if (flight !== null && !flight.urgent) await overtake(flight, { ...flight.pass, deadlineMs: hurriedMs });
    },
    calm: () => void (hurriedMs = null),
  };
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
