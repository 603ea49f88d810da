import type { Device, InstanceType } from '../../model/ec2/machine-types.ts';
import type { XmlValue } from '../../wire/query-xml.ts';

/** A type as DescribeInstanceTypes shows it; members that the model knows nothing of are left out. */
export function typeView(type: InstanceType): XmlValue {
  return {
    instanceType: type.name,
    currentGeneration: type.isCurrent,
    freeTierEligible: type.name === 't3.micro',
    supportedUsageClasses: type.usageClasses,
    supportedRootDeviceTypes: ['ebs'],
    supportedVirtualizationTypes: ['hvm'],
    bareMetal: type.isBareMetal,
    hypervisor: type.hypervisor ?? undefined,
    processorInfo: { supportedArchitectures: type.architectures },
    vCpuInfo: {
      defaultVCpus: type.vcpus,
      defaultCores: type.cores,
      defaultThreadsPerCore: Math.max(1, Math.round(type.vcpus / type.cores)),
    },
    memoryInfo: { sizeInMiB: type.memoryMib },
    instanceStorageSupported: type.localDiskGb > 0,
    instanceStorageInfo: type.localDiskGb > 0 ? { totalSizeInGB: type.localDiskGb } : undefined,
    ebsInfo: { ebsOptimizedSupport: 'default', encryptionSupport: 'supported', nvmeSupport: 'required' },
    networkInfo: { networkPerformance: type.network, maximumNetworkInterfaces: 4, enaSupport: 'required' },
    ...acceleratorViews(type),
    hibernationSupported: false,
    burstablePerformanceSupported: type.isBurstable,
    dedicatedHostsSupported: false,
    autoRecoverySupported: type.accelerators.gpus.length === 0,
  };
}

/** Names of members as in EC2's model: each kind of accelerator has a shape of its own. */
function acceleratorViews({ accelerators }: InstanceType): Readonly<Record<string, XmlValue>> {
  const { gpus, neuron, inference, media, fpgas } = accelerators;
  return {
    gpuInfo: gpus.length === 0 ? undefined : { gpus: gpus.map(deviceView), totalGpuMemoryInMiB: total(gpus) },
    neuronInfo:
      neuron.length === 0
        ? undefined
        : {
            neuronDevices: neuron.map(({ name, count, memoryMib }) => ({
              name,
              count,
              memoryInfo: { sizeInMiB: memoryMib },
            })),
            totalNeuronDeviceMemoryInMiB: total(neuron),
          },
    inferenceAcceleratorInfo:
      inference.length === 0
        ? undefined
        : {
            // This list alone has members and no items in EC2's model. A type has one kind of accelerator.
            accelerators: { member: inference[0] && deviceView(inference[0]) },
            totalInferenceMemoryInMiB: total(inference),
          },
    mediaAcceleratorInfo:
      media.length === 0 ? undefined : { accelerators: media.map(deviceView), totalMediaMemoryInMiB: total(media) },
    fpgaInfo: fpgas.length === 0 ? undefined : { fpgas: fpgas.map(deviceView), totalFpgaMemoryInMiB: total(fpgas) },
  };
}

function deviceView({ manufacturer, name, count, memoryMib }: Device): XmlValue {
  return { name, manufacturer: manufacturer ?? undefined, count, memoryInfo: { sizeInMiB: memoryMib } };
}

function total(devices: readonly Device[]): number {
  return devices.reduce((sum, { count, memoryMib }) => sum + count * memoryMib, 0);
}
