import { type Clock, type Log, messageOf } from '@runctl/core';
import type { AttemptStatus } from '@runctl/protocol';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs: number;
  /** The status of now; null while this machine has no generation to speak for. */
  readonly gather: () => Promise<AttemptStatus | null>;
  readonly publish: (status: AttemptStatus, signal: AbortSignal) => Promise<void>;
  /** Whoever is connected to this machine hears of every beat. */
  readonly onBeat: (status: AttemptStatus) => void;
}

export interface Heartbeat {
  /** A beat soon: something changed. */
  soon(): void;
  /** One beat. Rejects when the bucket does. */
  beat(signal: AbortSignal): Promise<void>;
  /** Beats until the signal fires. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** Changes come in bursts; readers are not helped by more. */
const QUIET_MS = 100;

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, log, everyMs, gather, publish, onBeat } = options;
  let wake = (): void => {};
  let changed = false;
  let failing = false;

  const beat = async (signal: AbortSignal): Promise<void> => {
    changed = false;
    const status = await gather();
    if (status === null) return;
    onBeat(status);
    await publish(status, signal);
  };

  return {
    soon() {
      changed = true;
      wake();
    },
    beat,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await beat(signal);
          failing = false;
        } catch (error) {
          if (!failing && !signal.aborted) log.warn({ error: messageOf(error) }, 'the status could not be published');
          failing = true;
        }
        await clock.sleep(Math.min(QUIET_MS, everyMs), signal).catch(() => {});
        if (changed || signal.aborted) continue;
        const woken = new AbortController();
        wake = () => woken.abort();
        await clock.sleep(everyMs - QUIET_MS, AbortSignal.any([signal, woken.signal])).catch(() => {});
      }
    },
  };
}
