import { createHash } from 'node:crypto';

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

interface Gpu {
  readonly name: string;
  readonly count: number;
  readonly memoryMib: number;
}

export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly architecture: 'x86_64' | 'arm64';
  readonly gpu: Gpu | null;
  readonly onDemandUsd: number;
  /** Zones that offer it, by last letter. */
  readonly offeredIn: string;
}

const gib = 1024;
const t4 = { name: 'T4', memoryMib: 16 * gib };
const a10g = { name: 'A10G', memoryMib: 24 * gib };
const l4 = { name: 'L4', memoryMib: 24 * gib };
const v100 = { name: 'V100', memoryMib: 16 * gib };

type Row = readonly [string, number, number, number, string?, Gpu?];

/** Sizes as AWS states them; prices are plausible, for us-east-1 Linux, and not kept up to date. */
const rows: readonly Row[] = [
  ['t3.micro', 2, 1, 0.0104],
  ['t3.small', 2, 2, 0.0208],
  ['t3.medium', 2, 4, 0.0416],
  ['t3.large', 2, 8, 0.0832],
  ['c7i.large', 2, 4, 0.08925],
  ['c7i.xlarge', 4, 8, 0.1785],
  ['c7i.2xlarge', 8, 16, 0.357],
  ['c7i.4xlarge', 16, 32, 0.714],
  ['c7g.large', 2, 4, 0.0725],
  ['m7i.large', 2, 8, 0.1008],
  ['m7i.xlarge', 4, 16, 0.2016],
  ['m7i.2xlarge', 8, 32, 0.4032],
  ['m7i.4xlarge', 16, 64, 0.8064],
  ['r7i.large', 2, 16, 0.1323],
  ['r7i.xlarge', 4, 32, 0.2646],
  ['r7i.2xlarge', 8, 64, 0.5292],
  ['g4dn.xlarge', 4, 16, 0.526, 'abc', { ...t4, count: 1 }],
  ['g4dn.2xlarge', 8, 32, 0.752, 'abc', { ...t4, count: 1 }],
  ['g4dn.12xlarge', 48, 192, 3.912, 'abc', { ...t4, count: 4 }],
  ['g5.xlarge', 4, 16, 1.006, 'abc', { ...a10g, count: 1 }],
  ['g5.2xlarge', 8, 32, 1.212, 'abc', { ...a10g, count: 1 }],
  ['g5.4xlarge', 16, 64, 1.624, 'abc', { ...a10g, count: 1 }],
  ['g5.12xlarge', 48, 192, 5.672, 'ab', { ...a10g, count: 4 }],
  ['g5.48xlarge', 192, 768, 16.288, 'ab', { ...a10g, count: 8 }],
  ['g6.xlarge', 4, 16, 0.8048, 'ab', { ...l4, count: 1 }],
  ['g6.2xlarge', 8, 32, 0.9776, 'ab', { ...l4, count: 1 }],
  ['g6.12xlarge', 48, 192, 4.6016, 'ab', { ...l4, count: 4 }],
  ['p3.2xlarge', 8, 61, 3.06, 'bc', { ...v100, count: 1 }],
  ['p3.8xlarge', 32, 244, 12.24, 'bc', { ...v100, count: 4 }],
  ['p4d.24xlarge', 96, 1152, 32.7726, 'ac', { name: 'A100', memoryMib: 40 * gib, count: 8 }],
  ['p5.48xlarge', 192, 2048, 98.32, 'b', { name: 'H100', memoryMib: 80 * gib, count: 8 }],
];

export const instanceTypes: ReadonlyMap<string, InstanceType> = new Map(
  rows.map(([name, vcpus, memoryGib, onDemandUsd, offeredIn = 'abc', gpu = null]) => {
    const architecture = name.startsWith('c7g.') ? 'arm64' : 'x86_64';
    return [name, { name, vcpus, memoryMib: memoryGib * gib, architecture, gpu, onDemandUsd, offeredIn }];
  }),
);

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
    '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    '/aws/service/canonical/ubuntu/server/22.04/stable/current/amd64/hvm/ebs-gp2/ami-id',
    '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64',
  ],
  arm64: [
    '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id',
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
