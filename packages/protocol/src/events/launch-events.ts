import * as z from 'zod';
import { market, offer } from '../offer.ts';
import { runSpec } from '../run/run-spec.ts';

/** What will be launched, before anything is paid for. */
const plan = z.object({
  type: z.literal('plan'),
  /** What runs, as in the specification, without its environment. */
  workload: z.looseObject({ kind: z.string() }),
  /** The file of the project that starts; null where none is known. */
  script: z.string().nullable(),
  args: z.array(z.string()),
  interpreter: z.array(z.string()),
  /** Folder of the project on this computer. */
  project: z.string(),
  treeHash: z.string(),
  /** How many files the snapshot has. */
  files: z.number(),
  contentBytes: z.number(),
  archiveBytes: z.number(),
  provider: z.string(),
  /** Where the provider rents, in its own words: a region. */
  place: z.string(),
  /** What the provider will launch; its own. */
  target: z.record(z.string(), z.unknown()),
  market,
  /** Cheapest first. */
  offers: z.array(offer),
  /** Where it may go on in another market. */
  fallbackOffers: z.array(offer),
  /** For people: how much the account may have, as far as that was told. */
  quotas: z.array(z.string()),
  /** USD per hour that is counted where no price is known; null = none was given. */
  assumedPriceUsd: z.number().nullable(),
  /** For people: which promises of runctl do not hold with this provider, and why. */
  missing: z.array(z.string()),
  budgetUsd: z.number().nullable(),
  maxRuntimeMs: z.number(),
  /** The launch ends then in any case: after `maxRuntimeMs`, or sooner where a budget pays for less and a day. */
  endsAfterMs: z.number(),
  onDemandAfterMs: z.number().nullable(),
  /** The command ends the launch when its machines boot and never speak. */
  checkFirstBoot: z.boolean(),
  /** What such machines may cost where nobody watches and they may not end their launch; null where it is unknown. */
  unheardMostUsd: z.number().nullable(),
  checkpoint: runSpec.shape.checkpoint,
  /** For people: what of the project was left out and why, and what may surprise in how it starts. */
  notes: z.array(z.string()),
  /** For people: what was guessed and why. */
  reasons: z.array(z.string()),
});

/** What was sent to the bucket; 0 bytes when it was there. */
const uploaded = z.object({ type: z.literal('uploaded'), what: z.enum(['tools', 'project']), sizeBytes: z.number() });

const runCreated = z.object({ type: z.literal('run-created'), run: z.string(), name: z.string().nullable() });

/** Machines are asked for; `id` is what the provider calls the request. */
const requested = z.object({
  type: z.literal('requested'),
  run: z.string(),
  launch: z.number(),
  id: z.string(),
  /** What is doubtful about what they will run; absent where nothing is. */
  warnings: z.array(z.string()).optional(),
});

/** A place where a machine can be had, and what it costs now. */
const offered = z.object({
  type: z.literal('offer'),
  ...offer.shape,
  /** Where the price has been in the days that were asked for; null where nothing is known, absent where nobody asked. */
  range: z.object({ days: z.number(), lowUsd: z.number(), highUsd: z.number() }).nullable().optional(),
});

export const launchEvents = [offered, plan, uploaded, runCreated, requested] as const;

export type OfferEvent = z.output<typeof offered>;

export type UploadEvent = z.output<typeof uploaded>;

/** What launching a run shows. */
export type LaunchEvent = UploadEvent | z.output<typeof runCreated> | z.output<typeof requested>;
