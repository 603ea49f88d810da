import type { PassReport, WorkloadEnd } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import type { Checkpoints } from './checkpoint-port.ts';
import { growingLoop } from './growing-loop.ts';

export interface PassLoopOptions {
  readonly checkpoints: Checkpoints;
  readonly clock: Clock;
  readonly log: Log;
  readonly settleMs: number;
  /** Comes before each look at the folder, so that what the script tells of itself is as of then. Never rejects. */
  readonly beforePass?: () => Promise<unknown>;
  readonly onPass: (report: PassReport) => void;
}

export interface FinalPass {
  readonly ended: WorkloadEnd;
  readonly signal: AbortSignal;
  /** Set when the machine goes away. */
  readonly deadlineMs?: number;
}

export interface LoopStops {
  /** No pass begins after this fired; the one under way goes on. */
  readonly loop: AbortSignal;
  /** Cuts the pass under way short too. */
  readonly pass: AbortSignal;
}

export interface PassLoop {
  /**
   * A pass soon, whether or not a file changed. `settled` is called when one that began after this has left nothing to wait
   * for; never, when the workload ends before.
   */
  request(settled?: (report: PassReport) => void): void;
  /** The machine goes away then (monotonic): what can be secured until then goes first. */
  hurry(deadlineMs: number): void;
  /** Passes when files change, and while something is unsettled; uploads what grows meanwhile. Never rejects. */
  run(stops: LoopStops): Promise<void>;
  /** After the workload's end: passes until everything is durable or refused for good, or the signal fires. Never rejects. */
  finish(final: FinalPass): Promise<PassReport | null>;
}

/** Files can change without a word (network file systems, an overflown queue of events): look once in this many settle times. */
const UNASKED_SETTLES = 30;
const RETRY_MS = 1000;

export function createPassLoop(options: PassLoopOptions): PassLoop {
  const { checkpoints, clock, log, settleMs, beforePass, onPass } = options;
  let wake = (): void => {};
  let wanted = false;
  const waiting: ((report: PassReport) => void)[] = [];
  const request = (settled?: (report: PassReport) => void): void => {
    if (settled !== undefined) waiting.push(settled);
    wanted = true;
    wake();
  };

  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    if (wanted) return;
    const woken = new AbortController();
    wake = () => woken.abort();
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => {});
  };

  const passOnce = async (final: Parameters<Checkpoints['publisher']['pass']>[0]): Promise<PassReport> => {
    await beforePass?.();
    const report = await checkpoints.publisher.pass(final);
    if (report.error !== null && !final.signal.aborted)
      log.warn({ error: messageOf(report.error) }, 'a checkpoint pass was cut short');
    onPass(report);
    return report;
  };

  return {
    request,
    hurry: (deadlineMs) => {
      checkpoints.publisher.hurry(deadlineMs).then(
        () => request(),
        () => {},
      );
    },
    async run({ loop, pass }) {
      const signal = AbortSignal.any([loop, pass]);
      const growing = growingLoop(options);
      checkpoints.watch(() => {
        growing.changed();
        request();
      }, signal);
      const uploading = growing.run(signal);
      while (!signal.aborted) {
        wanted = false;
        const served = waiting.length;
        const report = await passOnce({ signal: pass });
        const soon = report.unsettled || report.error !== null || report.refused === 'not-holder';
        if (!soon) for (const settled of waiting.splice(0, served)) settled(report);
        await pause(soon ? settleMs : settleMs * UNASKED_SETTLES, signal);
        // A file that is being written makes many events: one look per settle time is enough.
        if (wanted && !signal.aborted) await clock.sleep(settleMs / 4, signal).catch(() => {});
      }
      await uploading;
    },
    async finish({ ended, signal, deadlineMs }) {
      let report: PassReport | null = null;
      while (!signal.aborted) {
        report = await passOnce({ ended, signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
        const again = report.refused !== 'fenced' && (report.error !== null || report.refused === 'not-holder');
        if (!again && !report.unsettled) return report;
        await clock.sleep(Math.min(RETRY_MS, settleMs), signal).catch(() => {});
      }
      return report;
    },
  };
}
