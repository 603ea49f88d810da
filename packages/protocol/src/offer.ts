import * as z from 'zod';
import { openEnum } from './codec.ts';

export const market = openEnum(['spot', 'on-demand']);
/** How a machine is paid for. The provider may take a spot machine back. */
export type Market = 'spot' | 'on-demand';

/** Something that a provider can give: a type of machine somewhere, with the price per hour that was shown before anything was launched. */
export const offer = z.object({
  machineType: z.string(),
  /** Where the machine stands, in the provider's words: a zone, a data center, a host. */
  location: z.string(),
  market,
  pricePerHourUsd: z.number().nonnegative().nullable(),
});
export type Offer = z.output<typeof offer>;
