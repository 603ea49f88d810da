import type { Clock } from '@runctl/core';
import type { PassOptions, PassReport } from './publisher-port.ts';

interface Flight {
  readonly report: Promise<PassReport>;
  readonly urgent: boolean;
  abort(reason: Error): void;
}

export interface SingleFlightOptions {
  readonly clock: Clock;
  readonly run: (pass: PassOptions) => Promise<PassReport>;
  /** Whether the pass under way is sending what this one would send first. */
  readonly isStillNewest: (pass: PassOptions) => Promise<boolean>;
}

/**
 * Lets one pass run at a time. A call without an end or a deadline joins a running one. A call with a deadline stops one
 * that is sending something older, waits for one that is sending the newest already, and is itself cut off at the deadline.
 */
export function singleFlight({
  clock,
  run,
  isStillNewest,
}: SingleFlightOptions): (pass: PassOptions) => Promise<PassReport> {
  let current: Flight | null = null;

  const inFlight = (): Flight | null => current;

  const start = (pass: PassOptions): Promise<PassReport> => {
    const stop = new AbortController();
    const signal = AbortSignal.any([pass.signal, stop.signal]);
    const report = run({ ...pass, signal }).finally(() => {
      stop.abort(new Error('the pass is over'));
      if (current?.report === report) current = null;
    });
    const urgent = pass.deadlineMs !== undefined;
    current = { report, urgent, abort: (reason) => stop.abort(reason) };
    if (pass.deadlineMs !== undefined)
      clock.sleep(pass.deadlineMs - clock.monotonicMs(), stop.signal).then(
        () => stop.abort(new Error('the deadline has come')),
        () => {},
      );
    return report;
  };

  return async (pass) => {
    for (let flight = inFlight(); flight !== null; flight = inFlight()) {
      if (pass.ended === undefined && pass.deadlineMs === undefined) return flight.report;
      const overtakes = pass.deadlineMs !== undefined && !flight.urgent;
      if (overtakes && !(await isStillNewest(pass).catch(() => false)))
        flight.abort(new Error('a newer checkpoint goes first'));
      await untilOver(flight, pass.deadlineMs, clock);
    }
    return start(pass);
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
