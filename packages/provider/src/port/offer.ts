import type { Market, Offer } from '@runctl/protocol';

export type { Offer };

export interface OfferWish {
  /** In the provider's words; empty = the types that the provider chooses for trainings. */
  readonly machineTypes: readonly string[];
  readonly market: Market;
  /** Of the runtime that the agent comes with: a machine of another one can't run it. */
  readonly architecture: 'x64' | 'arm64';
  /** What the configuration says for this provider alone. The adapter checks it with a schema of its own. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface TargetWish extends OfferWish {
  /** Image in the provider's words; null = the one that suits the machine types. */
  readonly image: string | null;
  /** Wanted size of the root disk; null = as large as the image has it. An image that is larger wins. */
  readonly rootDiskGiB: number | null;
}
