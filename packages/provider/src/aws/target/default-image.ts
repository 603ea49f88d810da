import { RunctlError } from '@runctl/core';
import { needsOlderDriver, type Processor, type TypeFacts } from '../offers/type-facts.ts';

/** Public SSM parameters that hold an image, of AWS and of Canonical. */
const PARAMETERS: Readonly<Record<'nvidia' | 'none', Readonly<Record<Processor, string>>>> = {
  nvidia: {
    x86_64: '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id',
    arm64: '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id',
  },
  none: {
    x86_64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    arm64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id',
  },
};
const NEURON_PARAMETER = '/aws/service/neuron/dlami/base/ubuntu-24.04/latest/image_id';

/**
 * The public parameter of an image for all of the types: with NVIDIA's driver, with Neuron's, or plain Ubuntu. Errors:
 * `config-invalid` for accelerators that no public image serves, and for types that no single image serves.
 */
export function defaultParameter(types: readonly TypeFacts[]): string {
  const [first, other] = processorsOf(types);
  if (other !== undefined)
    throw new RunctlError(
      'config-invalid',
      `the instance types mix ${first} and ${other}, which no single image serves`,
      {
        hint: 'launch with types of one architecture',
      },
    );
  for (const type of types) refuseUnserved(type);
  const nvidia = types.find(({ accelerator }) => accelerator.kind === 'nvidia');
  const neuron = types.find(({ accelerator }) => accelerator.kind === 'neuron');
  if (nvidia !== undefined && neuron !== undefined)
    throw new RunctlError(
      'config-invalid',
      `${nvidia.machineType} has ${nvidia.accelerator.name} and ${neuron.machineType} has ${neuron.accelerator.name}, which no single image serves`,
      { hint: 'launch with types of one kind of accelerator' },
    );
  if (neuron !== undefined) return NEURON_PARAMETER;
  return PARAMETERS[nvidia === undefined ? 'none' : 'nvidia'][first ?? 'x86_64'];
}

function processorsOf(types: readonly TypeFacts[]): readonly Processor[] {
  return [...new Set(types.map(({ processor }) => processor ?? 'x86_64'))];
}

function refuseUnserved({ machineType, accelerator }: TypeFacts): void {
  const { kind, name, count } = accelerator;
  const nameOne = 'name an image that serves it with --ami, or take a type such as g5.xlarge';
  if (kind === 'other')
    throw new RunctlError('config-invalid', `no image is known for the ${name} of ${machineType}`, {
      hint: nameOne,
    });
  if (kind === 'nvidia' && count === 0)
    throw new RunctlError(
      'config-invalid',
      `${machineType} has a share of an ${name}, which takes a driver that the Deep Learning image does not have`,
      { hint: nameOne },
    );
  if (needsOlderDriver(accelerator))
    throw new RunctlError(
      'config-invalid',
      `the driver of the Deep Learning image does not run on the ${name} of ${machineType}`,
      { hint: nameOne },
    );
}
