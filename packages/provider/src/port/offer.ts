import type { Market, Offer } from '@runctl/protocol';
import type { MachineNeed } from './need.ts';

export type { Offer };

export interface OfferWish {
  /** In the provider's words; empty = the types that the provider chooses for trainings. */
  readonly machineTypes: readonly string[];
  /** What each type must have; named types too. Left out or null = whatever they have. */
  readonly need?: MachineNeed | null;
  readonly market: Market;
  /** Null = that of the types, which must be one: the machines of a launch share an image and a runtime. */
  readonly architecture: 'x64' | 'arm64' | null;
  /** What the configuration says for this provider alone. The adapter checks it with a schema of its own. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface TargetWish extends OfferWish {
  /** Image in the provider's words; null = the one that suits the machine types. */
  readonly image: string | null;
  /** Wanted size of the root disk; null = as large as the image has it. An image that is larger wins. */
  readonly rootDiskGiB: number | null;
}
