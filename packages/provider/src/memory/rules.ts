import type { ErrorCode } from '@runctl/core';
import type { MachineSize, Market } from '@runctl/protocol';
import type { Recovery } from '../port/index.ts';

/** What can be rented in a memory cloud; prices in USD per hour, null where they are not known. */
export interface MemoryMachineType {
  readonly architecture: 'x64' | 'arm64';
  readonly usd: Readonly<Record<Market, number | null>>;
  /** Left out: nothing is known of it, and no need is met. */
  readonly size?: MachineSize;
}

/** How a memory cloud behaves. Each rule stands in MEMORY.md with its reason. */
export interface MemoryRules {
  readonly place: string;
  readonly locations: readonly string[];
  readonly machineTypes: Readonly<Record<string, MemoryMachineType>>;
  /** The types that an empty wish means. */
  readonly defaultMachineTypes: readonly string[];
  readonly images: readonly string[];
  /** What the ids of machines begin with; a number follows. */
  readonly machineIdPrefix: string;
  readonly markets: readonly Market[];
  readonly recovers: Recovery;
  /** Length of the notice that the cloud says it gives; the machines get none. */
  readonly noticeMs: number | null;
  /** From the making of a machine until it runs. */
  readonly startMs: number;
  /** From a launch, or from the loss of a machine, until the next machine is made. */
  readonly makeMs: number;
  /** Between tries while there is no room. */
  readonly retryMs: number;
  /** From the order to end until the machine has ended. */
  readonly endMs: number;
  /** How long what was just made is not shown. */
  readonly hiddenMs: number;
  /** How long an ended machine is shown. */
  readonly shownMs: number;
}

function sizeOf(cpus: number, memoryGiB: number, gpus: number): MachineSize {
  return { cpus, memoryGiB, gpus: gpus === 0 ? null : { name: 'GPU', count: gpus } };
}

export const defaultMemoryRules: MemoryRules = {
  place: 'memory-1',
  locations: ['memory-1a', 'memory-1b'],
  machineTypes: {
    'small.gpu': { architecture: 'x64', usd: { spot: 0.4, 'on-demand': 1 }, size: sizeOf(4, 16, 1) },
    'large.gpu': { architecture: 'x64', usd: { spot: 1.6, 'on-demand': 4 }, size: sizeOf(16, 64, 4) },
    'small.arm': { architecture: 'arm64', usd: { spot: 0.2, 'on-demand': 0.5 }, size: sizeOf(4, 16, 0) },
  },
  defaultMachineTypes: ['small.gpu'],
  images: ['image-1', 'image-2'],
  machineIdPrefix: 'm-',
  markets: ['spot', 'on-demand'],
  recovers: 'by-itself',
  noticeMs: null,
  startMs: 0,
  makeMs: 0,
  retryMs: 10_000,
  endMs: 0,
  hiddenMs: 0,
  shownMs: 3_600_000,
};

/** Why a machine can't be made, in the provider's word and in ours. */
export interface MemoryRefusal {
  readonly code: string;
  readonly errorCode: ErrorCode;
  readonly message: string;
}

export const NO_ROOM: MemoryRefusal = {
  code: 'NoRoom',
  errorCode: 'no-capacity',
  message: 'there is no machine of this kind left',
};
