import table from './machine-types.json' with { type: 'json' };

/** A kind of device: who makes it (null where EC2 does not say), its name, how many there are, and the memory of each. */
export interface Device {
  readonly manufacturer: string | null;
  readonly name: string;
  readonly count: number;
  readonly memoryMib: number;
}

/** Under the names of DescribeInstanceTypes. */
interface Accelerators {
  readonly gpus: readonly Device[];
  readonly neuron: readonly Device[];
  readonly inference: readonly Device[];
  readonly media: readonly Device[];
  readonly fpgas: readonly Device[];
}

export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly cores: number;
  readonly memoryMib: number;
  /** The first that an image can be for: `i386` is passed over. */
  readonly architecture: string;
  readonly architectures: readonly string[];
  /** `on-demand`, `spot`, `capacity-block`. */
  readonly usageClasses: readonly string[];
  readonly accelerators: Accelerators;
  readonly hypervisor: string | null;
  readonly network: string;
  readonly isCurrent: boolean;
  readonly isBurstable: boolean;
  readonly isBareMetal: boolean;
  readonly localDiskGb: number;
  /** 0 where no list price is known. */
  readonly onDemandUsd: number;
  /** Zones that offer it, by last letter. */
  readonly offeredIn: string;
}

type ThreeFields = readonly [manufacturer: string, name: string, count: number, memoryMib: number];

/** A row of the table; what is left out is empty, zero or false. */
interface Row {
  readonly vcpus: number;
  readonly cores: number;
  readonly memoryMib: number;
  readonly architectures: readonly string[];
  readonly markets: readonly string[];
  readonly zones?: string;
  readonly usd?: number;
  readonly network: string;
  readonly hypervisor?: string;
  readonly current?: boolean;
  readonly burstable?: boolean;
  readonly bareMetal?: boolean;
  readonly localDiskGb?: number;
  readonly gpus?: readonly ThreeFields[];
  readonly neuron?: ReadonlyArray<readonly [name: string, count: number, memoryMib: number]>;
  readonly inference?: readonly ThreeFields[];
  readonly media?: readonly ThreeFields[];
  readonly fpgas?: readonly ThreeFields[];
}

const device = ([manufacturer, name, count, memoryMib]: ThreeFields): Device => ({
  manufacturer,
  name,
  count,
  memoryMib,
});

function typeOf(name: string, row: Row): InstanceType {
  const { architectures } = row;
  return {
    name,
    vcpus: row.vcpus,
    cores: row.cores,
    memoryMib: row.memoryMib,
    architecture: architectures.find((architecture) => architecture !== 'i386') ?? 'i386',
    architectures,
    usageClasses: row.markets,
    accelerators: {
      gpus: (row.gpus ?? []).map(device),
      neuron: (row.neuron ?? []).map(([kind, count, memoryMib]) => ({
        manufacturer: null,
        name: kind,
        count,
        memoryMib,
      })),
      inference: (row.inference ?? []).map(device),
      media: (row.media ?? []).map(device),
      fpgas: (row.fpgas ?? []).map(device),
    },
    hypervisor: row.hypervisor ?? null,
    network: row.network,
    isCurrent: row.current ?? false,
    isBurstable: row.burstable ?? false,
    isBareMetal: row.bareMetal ?? false,
    localDiskGb: row.localDiskGb ?? 0,
    onDemandUsd: row.usd ?? 0,
    offeredIn: row.zones ?? '',
  };
}

/** Made by `.dev/tables/make.py` from what EC2 answers; source and date stand in the table. */
export const instanceTypes: ReadonlyMap<string, InstanceType> = new Map(
  Object.entries(table.types as unknown as Readonly<Record<string, Row>>).map(([name, row]) => [
    name,
    typeOf(name, row),
  ]),
);
