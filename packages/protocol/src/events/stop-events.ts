import * as z from 'zod';
import { launchStatus } from '../launch/launch.ts';
import type { FollowEvent } from './follow-events.ts';

/** The agent was asked to stop, or to make durable what it has. */
const asked = z.object({
  type: z.literal('asked'),
  owner: z.string(),
  /** With a wish for a checkpoint: where the script is, and what is durable before it. */
  step: z.number().nullable().optional(),
  durableStep: z.number().nullable().optional(),
});

/** Another laptop holds the run for a moment, or died at it: waits until it gives it back or its hold runs out. */
const otherLaptop = z.object({ type: z.literal('other-laptop'), owner: z.string() });

/** The agent was asked to wait for no save any more. */
const hurried = z.object({ type: z.literal('hurried') });

/** No agent holds the run, so it is ended from here. */
const nobodyAlive = z.object({ type: z.literal('nobody-alive'), why: z.string() });

/** Nothing asks for machines of the launch any more, and none is left. */
const capacityEnded = z.object({
  type: z.literal('capacity-ended'),
  /** Null when there was none to end. */
  id: z.string().nullable(),
  /** False when the agent ended it. */
  endedHere: z.boolean(),
});

/** A run of an older format: its machines were found by their tags, and ended. */
const olderEnded = z.object({ type: z.literal('older-ended'), ids: z.array(z.string()).readonly() });

const stopped = z.object({
  type: z.literal('stopped'),
  run: z.string(),
  status: launchStatus,
  message: z.string(),
  durableStep: z.number().nullable(),
});

export const stopEvents = [asked, otherLaptop, hurried, nobodyAlive, capacityEnded, olderEnded, stopped] as const;

export type AskedEvent = z.output<typeof asked>;

/** What stopping a run shows. */
export type StopEvent =
  | FollowEvent
  | AskedEvent
  | z.output<typeof otherLaptop>
  | z.output<typeof hurried>
  | z.output<typeof nobodyAlive>
  | z.output<typeof capacityEnded>
  | z.output<typeof olderEnded>;
