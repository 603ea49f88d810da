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

/** Computes how long the machine has, by the notice's time and the clock of the side that gave it; never by this machine's clock. */
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
  return new ImdsWatcher(imds, options);
}

class ImdsWatcher implements InterruptionWatcher {
  readonly #imds: Imds;
  readonly #options: WatchRequest;
  /** IMDS's words, as of their first sight. */
  #notice: string | null = null;
  #outlived: string | null;
  #recommendation: string | null = null;
  readonly #announced = new Set<string>();
  /** Monotonic. */
  #scheduledAtMs = Number.NEGATIVE_INFINITY;
  #lastError: string | null = null;

  constructor(imds: Imds, options: WatchRequest) {
    this.#imds = imds;
    this.#options = options;
    this.#outlived = options.outlived;
  }

  async look(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#ask();
      if (this.#lastError !== null) log.info({}, 'IMDS answers again');
      this.#lastError = null;
    } catch (error) {
      const message = messageOf(error);
      if (message !== this.#lastError) log.warn({ error: message }, 'IMDS does not answer; watching goes on');
      this.#lastError = message;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, timing } = this.#options;
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      await this.look();
      const pauseMs = timing.noticePollMs - (clock.monotonicMs() - startedMs);
      await clock.sleep(Math.max(timing.noticePollMs / 10, pauseMs), signal).catch(() => {});
    }
  }

  async outlive(): Promise<string | null> {
    // Also what an agent that has just started had no time to see.
    await this.look();
    this.#outlived = this.#notice ?? this.#outlived;
    this.#notice = null;
    return this.#outlived;
  }

  async #ask(): Promise<void> {
    const { clock } = this.#options;
    this.#readNotice(await this.#imds.get('meta-data/spot/instance-action'));
    this.#readRecommendation(await this.#imds.get('meta-data/events/recommendations/rebalance'));
    if (clock.monotonicMs() - this.#scheduledAtMs < SCHEDULED_EVERY_MS) return;
    this.#scheduledAtMs = clock.monotonicMs();
    this.#readScheduled(await this.#imds.get('meta-data/events/maintenance/scheduled'));
  }

  #readNotice({ body, dateMs, status }: ImdsAnswer): void {
    const { clock, events, log, timing } = this.#options;
    if (status !== 200 || this.#notice !== null || body === this.#outlived) return;
    const parsed = instanceAction.safeParse(parseJson(body));
    if (!parsed.success || !ACTIONS.has(parsed.data.action)) {
      log.warn({ body: body.slice(0, 200) }, 'what IMDS gave as instance-action is no notice');
      return;
    }
    this.#notice = body;
    const firstSeenMs = clock.monotonicMs();
    const windowMs = noticeWindowMs(parsed.data.time, dateMs, timing.noticeMs);
    const deadlineMs = firstSeenMs + Math.max(0, windowMs - timing.deadlineMarginMs - resolutionMs(timing.noticeMs));
    events.onNotice({ action: parsed.data.action, firstSeenMs, windowMs, deadlineMs });
  }

  #readRecommendation({ body, status }: ImdsAnswer): void {
    if (status !== 200 || body === this.#recommendation) return;
    this.#recommendation = body;
    this.#options.events.onRisk('EC2 recommends to rebalance: this machine may be taken soon');
  }

  #readScheduled({ body, status }: ImdsAnswer): void {
    const parsed = status === 200 ? scheduledEvents.safeParse(parseJson(body)) : null;
    for (const event of parsed?.success === true ? parsed.data : []) {
      const key = event.EventId ?? `${event.Code} ${event.NotBefore ?? ''}`;
      if (this.#announced.has(key) || (event.State !== undefined && event.State !== 'active')) continue;
      this.#announced.add(key);
      this.#options.events.onScheduledEvent(
        `EC2 has scheduled ${event.Code}${event.NotBefore === undefined ? '' : ` for ${event.NotBefore}`}`,
      );
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
