import type { Tag } from '@aws-sdk/client-ec2';
import type { Market } from '@runctl/protocol';
import type { Offer } from '../../port/index.ts';
import type { AwsTarget } from '../target/aws-target.ts';

/** A launch in EC2's words. */
export interface FleetOrder {
  readonly token: string;
  readonly templateName: string;
  /** Of fleet, template, machines and volumes. */
  readonly tags: readonly Tag[];
  readonly userData: string;
  readonly target: AwsTarget;
  readonly offers: readonly Offer[];
  readonly market: Market;
  /** Whether on-demand machines may be made from the same template later. */
  readonly mayChangeMarket: boolean;
  readonly nodes: number;
  readonly validUntilMs: number;
}
