import * as z from 'zod';
import { openEnum } from './codec.ts';

export const market = openEnum(['spot', 'on-demand']);
/** How a machine is paid for. The provider may take a spot machine back. */
export type Market = 'spot' | 'on-demand';

/** What a type of machine has; `gpus` are accelerators of any kind, null where it has none. */
export const machineSize = z.object({
  cpus: z.number(),
  memoryGiB: z.number(),
  gpus: z.object({ name: z.string(), count: z.number() }).nullable(),
});
export type MachineSize = z.output<typeof machineSize>;

/** Something that a provider can give: a type of machine somewhere, with the price per hour that was shown before anything was launched. */
export const offer = z.object({
  /** Of the machine's processor; left out by releases that rented x64 alone. */
  architecture: openEnum(['x64', 'arm64']).optional(),
  size: machineSize.optional(),
  machineType: z.string(),
  /** Where the machine stands, in the provider's words: a zone, a data center, a host. */
  location: z.string(),
  market,
  pricePerHourUsd: z.number().nonnegative().nullable(),
  /** Date of the list that the price is from, where the provider itself did not tell it. */
  listedAt: z.string().optional(),
});
export type Offer = z.output<typeof offer>;
