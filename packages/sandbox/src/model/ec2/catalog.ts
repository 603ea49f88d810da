import { createHash } from 'node:crypto';
import type { InstanceType } from './machine-types.ts';

export interface Zone {
  readonly name: string;
  readonly id: string;
  readonly subnetId: string;
  readonly cidrBlock: string;
}

/** The region's network: a default VPC with one default subnet in each zone. */
export const zones: readonly Zone[] = [
  { name: 'us-east-1a', id: 'use1-az4', subnetId: 'subnet-0aa0000000000000a', cidrBlock: '10.77.0.0/20' },
  { name: 'us-east-1b', id: 'use1-az6', subnetId: 'subnet-0bb0000000000000b', cidrBlock: '10.77.16.0/20' },
  { name: 'us-east-1c', id: 'use1-az1', subnetId: 'subnet-0cc0000000000000c', cidrBlock: '10.77.32.0/20' },
];
export const vpc = { id: 'vpc-0123456789abcdef0', cidrBlock: '10.77.0.0/16' } as const;
export const defaultSecurityGroup = { id: 'sg-0123456789abcdef0', name: 'default' } as const;

export { instanceTypes, type InstanceType } from './machine-types.ts';

export function isOffered(type: InstanceType, zone: Zone): boolean {
  return type.offeredIn.includes(zone.name.slice(-1));
}

export interface Image {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly snapshotId: string;
  readonly rootDeviceName: string;
  readonly rootSizeGib: number;
  readonly createdAt: string;
}

export const images: readonly Image[] = [
  {
    id: 'ami-0123456789abcdef0',
    name: 'runctl-sandbox-x86_64',
    description: 'The host itself, as the sandbox shows it (x86_64)',
    architecture: 'x86_64',
    snapshotId: 'snap-0123456789abcdef0',
    rootDeviceName: '/dev/sda1',
    rootSizeGib: 8,
    createdAt: '2026-01-01T00:00:00.000Z',
  },
  {
    id: 'ami-0123456789abcdef1',
    name: 'runctl-sandbox-arm64',
    description: 'The host itself, as the sandbox shows it (arm64)',
    architecture: 'arm64',
    snapshotId: 'snap-0123456789abcdef1',
    rootDeviceName: '/dev/sda1',
    rootSizeGib: 8,
    createdAt: '2026-01-01T00:00:00.000Z',
  },
];

/** Public SSM parameters that name an AMI, by architecture (names seen in AWS's documentation and public code). */
const parameterNames: Readonly<Record<Image['architecture'], readonly string[]>> = {
  x86_64: [
    '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id',
    '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id',
    '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id',
    '/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.7-ubuntu-22.04/latest/ami-id',
    '/aws/service/neuron/dlami/base/ubuntu-24.04/latest/image_id',
    '/aws/service/neuron/dlami/multi-framework/ubuntu-24.04/latest/image_id',
    '/aws/service/neuron/dlami/pytorch-2.9/ubuntu-24.04/latest/image_id',
    '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id',
    '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
  ],
  arm64: [
    '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id',
    '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id',
    '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id',
    '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/22.04/stable/current/arm64/hvm/ebs-gp2/ami-id',
    '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64',
  ],
};

export const publicParameters: ReadonlyMap<string, string> = new Map(
  images.flatMap((image) => parameterNames[image.architecture].map((name) => [name, image.id] as const)),
);

/** A number in [0, 1) that is always the same for the same text. */
function steadyFraction(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}

const pricePeriodMs = 4 * 3_600_000;

export interface SpotPrice {
  readonly sinceMs: number;
  readonly usd: number;
}

/**
 * The price of a pool: constant for four hours, then another, always the same for the same pool and time.
 * Between about 30 and 50 % of the on-demand price, as AWS's are on most days.
 */
export function spotPriceAt(type: InstanceType, zone: Zone, atMs: number): SpotPrice {
  const period = Math.floor(atMs / pricePeriodMs);
  const base = 0.3 + 0.15 * steadyFraction(`${type.name} ${zone.name}`);
  const swing = 0.05 * steadyFraction(`${type.name} ${zone.name} ${period}`);
  return { sinceMs: period * pricePeriodMs, usd: Number((type.onDemandUsd * (base + swing)).toFixed(6)) };
}

/** Changes within the window, newest first, and the last one before it (as DescribeSpotPriceHistory gives). */
export function spotPriceHistory(
  pool: { readonly type: InstanceType; readonly zone: Zone },
  fromMs: number,
  untilMs: number,
): SpotPrice[] {
  const prices: SpotPrice[] = [];
  for (let atMs = untilMs; ; atMs -= pricePeriodMs) {
    const price = spotPriceAt(pool.type, pool.zone, atMs);
    prices.push(price);
    if (price.sinceMs <= fromMs) return prices;
  }
}
