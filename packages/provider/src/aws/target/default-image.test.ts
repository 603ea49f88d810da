import { isRunctlError } from '@runctl/core';
import { describe, expect, test } from 'vitest';
import { factsOf, type TypeFacts } from '../offers/type-facts.ts';
import { defaultParameter } from './default-image.ts';
import { refuseUnsuitable } from './named-image.ts';

const NVIDIA = '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
const NVIDIA_ARM = '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
const NEURON = '/aws/service/neuron/dlami/base/ubuntu-24.04/latest/image_id';
const PLAIN = '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';
const PLAIN_ARM = '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id';

type Described = Parameters<typeof factsOf>[0];

/** As DescribeInstanceTypes describes them; the names say nothing on purpose. */
const type = (name: string, members: Partial<Described> = {}, processor: 'x86_64' | 'arm64' = 'x86_64'): TypeFacts =>
  factsOf({
    InstanceType: name as NonNullable<Described['InstanceType']>,
    ProcessorInfo: { SupportedArchitectures: [processor] },
    SupportedUsageClasses: ['on-demand', 'spot'],
    ...members,
  });
const gpu = (Name: string, Manufacturer = 'NVIDIA', Count = 1): Partial<Described> => ({
  GpuInfo: { Gpus: [{ Name, Manufacturer, Count }] },
});
const neuron = (Name: string): Partial<Described> => ({ NeuronInfo: { NeuronDevices: [{ Name, Count: 1 }] } });
const inference = (Name: string, Manufacturer: string): Partial<Described> => ({
  InferenceAcceleratorInfo: { Accelerators: [{ Name, Manufacturer, Count: 8 }] },
});

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isRunctlError(error, 'config-invalid') && error.hint !== undefined) return `${error.message} | ${error.hint}`;
    throw error;
  }
  return 'nothing was refused';
};

describe('the default image', () => {
  test.each<[string, TypeFacts[], string]>([
    ['an NVIDIA GPU', [type('x.large', gpu('A10G'))], NVIDIA],
    ['one beside an ARM processor', [type('x.large', gpu('T4g'), 'arm64')], NVIDIA_ARM],
    ['a GPU of which EC2 names no maker', [type('x.large', { GpuInfo: { Gpus: [{ Name: 'B300' }] } })], NVIDIA],
    ['Inferentia', [type('x.large', { ...neuron('Inferentia2'), ...inference('Inferentia2', 'AWS') })], NEURON],
    ['Trainium', [type('x.large', neuron('Trainium'))], NEURON],
    ['the first Inferentia, by what it infers with', [type('x.large', inference('Inferentia', 'AWS'))], NEURON],
    ['nothing but a processor', [type('g9.large')], PLAIN],
    ['an ARM processor', [type('g9.large', {}, 'arm64')], PLAIN_ARM],
    ['a GPU, and none in another type', [type('x.large'), type('y.large', gpu('L4'))], NVIDIA],
    ['two kinds of NVIDIA GPUs', [type('x.large', gpu('L4')), type('y.large', gpu('H100'))], NVIDIA],
    ['Trainium, and none in another type', [type('x.large', neuron('Trainium2')), type('y.large')], NEURON],
    ['a device for video or gates alone', [type('x.large', { FpgaInfo: { Fpgas: [{ Name: 'VU9P' }] } })], PLAIN],
  ])('serves %s', (_what, types, parameter) => {
    expect(defaultParameter(types)).toBe(parameter);
  });

  test.each<[string, TypeFacts[], RegExp]>([
    ['V100', [type('p3dn.24xlarge', gpu('V100'))], /does not run on the V100 of p3dn\.24xlarge .*--ami/],
    ['M60', [type('g3.4xlarge', gpu('M60'))], /does not run on the M60 of g3\.4xlarge .*--ami/],
    ['K80', [type('p2.xlarge', gpu('K80'))], /does not run on the K80 of p2\.xlarge .*--ami/],
    [
      'AMD',
      [type('g4ad.xlarge', gpu('Radeon Pro V520', 'AMD'))],
      /no image is known for the AMD Radeon Pro V520 of g4ad/,
    ],
    [
      'Gaudi',
      [type('dl1.24xlarge', gpu('Gaudi HL-205', 'Habana'))],
      /no image is known for the Habana Gaudi HL-205 of dl1/,
    ],
    [
      'Qualcomm',
      [type('dl2q.24xlarge', inference('Qualcomm AI100', 'Qualcomm'))],
      /no image is known for the Qualcomm AI100/,
    ],
    ['a share of a GPU', [type('g6f.large', gpu('L4', 'NVIDIA', 0))], /g6f\.large has a share of an L4/],
    ['one of two types', [type('g5.xlarge', gpu('A10G')), type('g4ad.xlarge', gpu('V520', 'AMD'))], /AMD V520 of g4ad/],
    ['two kinds at once', [type('g5.xlarge', gpu('A10G')), type('trn1.2xlarge', neuron('Trainium'))], /A10G and trn1/],
    ['two processors at once', [type('g5.xlarge', gpu('A10G')), type('g5g.xlarge', gpu('T4g'), 'arm64')], /mix x86_64/],
  ])('does not exist for %s, which is said', (_what, types, text) => {
    expect(refusal(() => defaultParameter(types))).toMatch(text);
  });
});

describe('an image by name', () => {
  const image = (text: string, processor: string | null = 'x86_64') => ({ imageId: 'ami-1', processor, texts: [text] });
  const a10g = type('g5.xlarge', gpu('A10G'));
  const v100 = type('p3dn.24xlarge', gpu('V100'));
  const trainium = type('trn1.2xlarge', neuron('Trainium'));

  test.each<[string, string, TypeFacts]>([
    ['for Neuron on a GPU', 'Deep Learning AMI Neuron (Ubuntu 24.04) 20260901', a10g],
    ['for Neuron on a GPU, by its parameter', NEURON, a10g],
    ['for GPUs on Trainium', 'Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260901', trainium],
    ['for GPUs on Trainium, by its parameter', NVIDIA, trainium],
    ['with the open driver on V100', 'Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.9 (Ubuntu 24.04)', v100],
  ])('%s is refused', (_what, text, machine) => {
    expect(refusal(() => refuseUnsuitable(image(text), [machine]))).toMatch(/ami-1 is made for .* has .*--ami/);
  });

  test.each<[string, string, TypeFacts]>([
    ['for GPUs on a GPU', 'Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04) 20260901', a10g],
    ['with the old driver on V100', 'Deep Learning Proprietary Nvidia Driver AMI GPU PyTorch 2.5 (Ubuntu 22.04)', v100],
    ['of one’s own, whatever its name says', 'our neuron search, cuda 12', a10g],
    ['of one’s own on Trainium', 'ubuntu with nvidia tools', trainium],
    ['for GPUs on a plain type', NVIDIA, type('c7i.large')],
  ])('%s is taken', (_what, text, machine) => {
    expect(() => refuseUnsuitable(image(text), [machine])).not.toThrow();
  });

  test('for another processor is refused, and one that does not say is taken', () => {
    const refused = refusal(() => refuseUnsuitable(image('mine', 'arm64'), [a10g]));
    expect(refused).toMatch(/ami-1 is for arm64, the instance types are x86_64 .*image for x86_64/);
    expect(() => refuseUnsuitable(image('mine', null), [a10g])).not.toThrow();
  });
});
