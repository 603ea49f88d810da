import type { Imds, ImdsAnswer } from '@runctl/aws-wire';
import { messageOf } from '@runctl/core';
import * as z from 'zod';
import type { InterruptionWatcher, WatchRequest } from '../interruptions.ts';

const instanceAction = z.object({ action: z.string(), time: z.string().optional() });
const scheduledEvents = z.array(
  z.object({
    Code: z.string(),
    Description: z.string().optional(),
    NotBefore: z.string().optional(),
    EventId: z.string().optional(),
    State: z.string().optional(),
  }),
);
const ACTIONS = new Set(['terminate', 'stop', 'hibernate']);
/** Scheduled events are announced days ahead. */
const SCHEDULED_EVERY_MS = 60_000;

/** How long the machine has, by the notice's time and the clock of the side that gave it; never by this machine's clock. */
export function noticeWindowMs(time: string | undefined, dateMs: number | null, noticeMs: number): number {
  const atMs = time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(atMs) || dateMs === null) return noticeMs;
  return Math.min(noticeMs, Math.max(0, atMs - dateMs));
}

/** Both times have whole seconds, so their difference may be one too long; a rehearsal can't afford to lose all of that. */
function resolutionMs(noticeMs: number): number {
  return Math.min(1000, noticeMs / 10);
}

/** Asks the instance's metadata for notices and recommendations with every look, and for scheduled events now and then. */
export function createInterruptionWatcher(imds: Imds, options: WatchRequest): InterruptionWatcher {
  const { clock, log, timing, events } = options;
  let noticed: string | null = null;
  let outlived = options.outlived;
  let recommended: string | null = null;
  let scheduledAtMs = Number.NEGATIVE_INFINITY;
  const announced = new Set<string>();
  let lastError: string | null = null;

  const lookForNotice = (answer: ImdsAnswer): void => {
    if (answer.status !== 200 || noticed !== null || answer.body === outlived) return;
    const parsed = instanceAction.safeParse(parseJson(answer.body));
    if (!parsed.success || !ACTIONS.has(parsed.data.action)) {
      log.warn({ body: answer.body.slice(0, 200) }, 'what IMDS gave as instance-action is no notice');
      return;
    }
    noticed = answer.body;
    const firstSeenMs = clock.monotonicMs();
    const windowMs = noticeWindowMs(parsed.data.time, answer.dateMs, timing.noticeMs);
    const deadlineMs = firstSeenMs + Math.max(0, windowMs - timing.deadlineMarginMs - resolutionMs(timing.noticeMs));
    events.onNotice({ action: parsed.data.action, firstSeenMs, windowMs, deadlineMs });
  };

  const lookForRebalance = (answer: ImdsAnswer): void => {
    if (answer.status !== 200 || answer.body === recommended) return;
    recommended = answer.body;
    events.onRisk('EC2 recommends to rebalance: this machine may be taken soon');
  };

  const lookForScheduled = (answer: ImdsAnswer): void => {
    const parsed = answer.status === 200 ? scheduledEvents.safeParse(parseJson(answer.body)) : null;
    for (const event of parsed?.success === true ? parsed.data : []) {
      const key = event.EventId ?? `${event.Code} ${event.NotBefore ?? ''}`;
      if (announced.has(key) || (event.State !== undefined && event.State !== 'active')) continue;
      announced.add(key);
      events.onScheduledEvent(
        `EC2 has scheduled ${event.Code}${event.NotBefore === undefined ? '' : ` for ${event.NotBefore}`}`,
      );
    }
  };

  const look = async (): Promise<void> => {
    try {
      lookForNotice(await imds.get('meta-data/spot/instance-action'));
      lookForRebalance(await imds.get('meta-data/events/recommendations/rebalance'));
      if (clock.monotonicMs() - scheduledAtMs >= SCHEDULED_EVERY_MS) {
        scheduledAtMs = clock.monotonicMs();
        lookForScheduled(await imds.get('meta-data/events/maintenance/scheduled'));
      }
      if (lastError !== null) log.info({}, 'IMDS answers again');
      lastError = null;
    } catch (error) {
      const message = messageOf(error);
      if (message !== lastError) log.warn({ error: message }, 'IMDS does not answer; watching goes on');
      lastError = message;
    }
  };

  return {
    look,
    async run(signal) {
      while (!signal.aborted) {
        const startedMs = clock.monotonicMs();
        await look();
        const pauseMs = timing.noticePollMs - (clock.monotonicMs() - startedMs);
        await clock.sleep(Math.max(timing.noticePollMs / 10, pauseMs), signal).catch(() => {});
      }
    },
    async outlive() {
      // Also what an agent that has just started had no time to see.
      await look();
      outlived = noticed ?? outlived;
      noticed = null;
      return outlived;
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
