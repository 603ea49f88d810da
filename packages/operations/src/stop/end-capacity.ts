import { type Clock, command, RunctlError } from '@runctl/core';
import type { CapacityRef } from '@runctl/provider';
import type { Cloud } from '../cloud.ts';
import { APPEARS_WITHIN_MS, isActive, isLiving } from '../run/liveness.ts';
import { capacityOf } from '../run/launched-capacity.ts';
import type { LaunchRecord } from '../run/run-record.ts';

const POLL_MS = 500;

interface Ending {
  readonly run: string;
  readonly launch: LaunchRecord;
  readonly patienceMs: number;
  /** Fires when nobody wants to wait for the agent any more. */
  readonly hurry?: AbortSignal;
  readonly signal: AbortSignal;
}

/**
 * Makes sure that nothing of an ended launch costs money any more: waits for the agent to end it and power off,
 * and does it itself when that does not happen in `patienceMs`. Errors: those of the provider; `cloud-error` when machines
 * still run afterwards.
 */
export async function endCapacity(
  ports: { readonly cloud: Cloud; readonly clock: Clock },
  ending: Ending,
): Promise<{ readonly id: string | null; readonly endedHere: boolean }> {
  const { clock } = ports;
  const { provider } = ports.cloud;
  const { run, launch, signal } = ending;
  const mayAppear = (): boolean => clock.wallMs() - requestedAtMs(launch) < APPEARS_WITHIN_MS;
  let ref = await capacityOf(provider, run, launch);
  // A laptop that died while it asked may have been heard.
  while (ref === null && mayAppear()) {
    await clock.sleep(POLL_MS, signal);
    ref = await capacityOf(provider, run, launch);
  }
  if (ref === null) return { id: null, endedHere: false };
  return endKnown(ports, { ...ending, ref, mayAppear });
}

async function endKnown(
  ports: { readonly cloud: Cloud; readonly clock: Clock },
  ending: Ending & { readonly ref: CapacityRef; readonly mayAppear: () => boolean },
): Promise<{ readonly id: string | null; readonly endedHere: boolean }> {
  const { clock } = ports;
  const { provider } = ports.cloud;
  const { run, launch, signal, ref, mayAppear } = ending;
  const id = provider.nameOf(ref);
  let isEnded = false;
  const isGone = async (): Promise<boolean> => {
    const [capacity, machines] = await Promise.all([provider.state(ref), provider.machines(run)]);
    // A provider that was asked a moment ago may show neither yet, and make the machines all the same.
    if (capacity.status === 'unknown' && !isEnded && mayAppear()) return false;
    return !isActive(capacity) && !machines.some((other) => other.launch === launch.launch && isLiving(other));
  };
  const { hurry, patienceMs } = ending;
  if (await within(clock, { limitMs: patienceMs, signal, hurry, condition: isGone })) return { id, endedHere: false };
  await provider.end({ run, launch: launch.launch, ref }, { terminate: true });
  isEnded = true;
  if (await within(clock, { limitMs: 120_000, signal, condition: isGone })) return { id, endedHere: true };
  throw new RunctlError('cloud-error', `${id} of ${run} is ended, but ${provider.name} still shows machines of it`, {
    hint: ['look again with ', command('status', run)],
  });
}

/** When the capacity was asked for, by the clock of the laptop that did. */
function requestedAtMs({ machines, intent }: LaunchRecord): number {
  const at = machines?.at ?? intent?.at;
  return at === undefined ? Number.NEGATIVE_INFINITY : Date.parse(at);
}

async function within(
  clock: Clock,
  options: { limitMs: number; signal: AbortSignal; hurry?: AbortSignal | undefined; condition: () => Promise<boolean> },
): Promise<boolean> {
  const { condition, hurry, limitMs, signal } = options;
  const deadlineMs = clock.monotonicMs() + limitMs;
  const woken = hurry === undefined ? signal : AbortSignal.any([signal, hurry]);
  for (;;) {
    if (await condition()) return true;
    if (clock.monotonicMs() >= deadlineMs || hurry?.aborted === true) return false;
    await clock.sleep(POLL_MS, woken).catch(() => signal.throwIfAborted());
  }
}
