import {
  DescribeInstanceTypesCommand,
  paginateDescribeInstanceTypes,
  type EC2Client,
  type InstanceTypeInfo,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import { required } from '@runctl/core';
import type { MachineSize } from '@runctl/protocol';

/** As EC2 names what an image is for. */
export type Processor = 'x86_64' | 'arm64';

/** What a type computes with besides its processor; `name` is of the device, for people. */
interface Accelerator {
  readonly kind: 'none' | 'nvidia' | 'neuron' | 'other';
  readonly name: string;
  /** 0 = a share of a GPU, which takes a driver of its own. */
  readonly count: number;
}

/** What decides where a type can run and with which image, as EC2 describes it. Names of types decide nothing. */
export interface TypeFacts {
  readonly machineType: string;
  /** Null for what runs no Linux of ours: macOS, or 32 bits. */
  readonly processor: Processor | null;
  readonly processors: readonly string[];
  readonly accelerator: Accelerator;
  /** `on-demand`, `spot`, `capacity-block`. */
  readonly usageClasses: readonly string[];
  readonly size: MachineSize;
  readonly isBareMetal: boolean;
  /** Images are for no other virtualization; m1, c1, m2 and t1 know the older one alone. */
  readonly isHvm: boolean;
}

/** EC2 describes at most so many types by name in one call (EC2 API reference, DescribeInstanceTypes). */
const TYPES_PER_CALL = 100;

/** In the order of the names. EC2 refuses a name that the region does not know with `InvalidInstanceType`. */
export async function describeTypes(client: EC2Client, machineTypes: readonly string[]): Promise<TypeFacts[]> {
  const described = new Map<string, TypeFacts>();
  for (let at = 0; at < machineTypes.length; at += TYPES_PER_CALL) {
    const names = machineTypes.slice(at, at + TYPES_PER_CALL).map((type) => type as _InstanceType);
    const { InstanceTypes = [] } = await client.send(new DescribeInstanceTypesCommand({ InstanceTypes: names }));
    for (const info of InstanceTypes) described.set(info.InstanceType ?? '', factsOf(info));
  }
  return machineTypes.map((type) => required(described.get(type), `description of ${type}`));
}

/** All types of the region that have this processor and are sold so, in no order. */
export async function typesSold(
  client: EC2Client,
  { processor, usageClass }: { readonly processor: Processor; readonly usageClass: string },
): Promise<TypeFacts[]> {
  const Filters = [
    { Name: 'processor-info.supported-architecture', Values: [processor] },
    { Name: 'supported-usage-class', Values: [usageClass] },
  ];
  const types: TypeFacts[] = [];
  for await (const page of paginateDescribeInstanceTypes({ client, pageSize: TYPES_PER_CALL }, { Filters }))
    types.push(...(page.InstanceTypes ?? []).map(factsOf));
  return types;
}

export function factsOf(info: InstanceTypeInfo): TypeFacts {
  const processors = info.ProcessorInfo?.SupportedArchitectures ?? [];
  const accelerator = acceleratorOf(info);
  const { kind, name, count } = accelerator;
  return {
    machineType: required(info.InstanceType, 'instance type'),
    processor: processors.includes('arm64') ? 'arm64' : processors.includes('x86_64') ? 'x86_64' : null,
    processors,
    accelerator,
    usageClasses: info.SupportedUsageClasses ?? [],
    size: {
      cpus: info.VCpuInfo?.DefaultVCpus ?? 0,
      memoryGiB: (info.MemoryInfo?.SizeInMiB ?? 0) / 1024,
      gpus: kind === 'none' ? null : { name, count },
    },
    isBareMetal: info.BareMetal ?? false,
    isHvm: info.SupportedVirtualizationTypes?.includes('hvm') ?? true,
  };
}

/** Inferentia is listed as an inference accelerator too, so its own member comes first. */
function acceleratorOf({ GpuInfo, InferenceAcceleratorInfo, NeuronInfo }: InstanceTypeInfo): Accelerator {
  const neuron = NeuronInfo?.NeuronDevices?.[0];
  if (neuron !== undefined) return { kind: 'neuron', name: neuron.Name ?? 'Neuron', count: neuron.Count ?? 1 };
  const gpu = GpuInfo?.Gpus?.[0];
  if (gpu !== undefined) {
    const maker = gpu.Manufacturer ?? 'NVIDIA';
    const isNvidia = /nvidia/i.test(maker);
    const name = [isNvidia ? '' : maker, gpu.Name ?? 'GPU'].filter((part) => part !== '').join(' ');
    return { kind: isNvidia ? 'nvidia' : 'other', name, count: gpu.Count ?? 1 };
  }
  const inference = InferenceAcceleratorInfo?.Accelerators?.[0];
  if (inference === undefined) return { kind: 'none', name: '', count: 0 };
  const isNeuron = /^(aws|amazon)/i.test(inference.Manufacturer ?? '');
  const count = inference.Count ?? 1;
  return { kind: isNeuron ? 'neuron' : 'other', name: inference.Name ?? 'accelerator', count };
}

/** GPUs from before Turing: NVIDIA's open driver, which the default image has, does not run on them (DLAMI release notes). */
const OLDER_GPUS = /\b(K520|K80|M60|P100|V100)\b/;

export function needsOlderDriver({ kind, name }: Accelerator): boolean {
  return kind === 'nvidia' && OLDER_GPUS.test(name);
}
