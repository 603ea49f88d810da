import {
  DescribeImagesCommand,
  DescribeInstanceTypesCommand,
  type EC2Client,
  type Image,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { RunctlError, required } from '@runctl/core';
import { awsCodeOf } from '../api/classify.ts';

type Architecture = 'x86_64' | 'arm64';

/** Deep Learning base images with driver and Docker for GPU types, Ubuntu's own for the rest (AWS and Canonical public parameters). */
const DEFAULT_PARAMETERS: Readonly<Record<'gpu' | 'cpu', Readonly<Record<Architecture, string>>>> = {
  gpu: {
    x86_64: '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id',
    arm64: '/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id',
  },
  cpu: {
    x86_64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    arm64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id',
  },
};

interface TypeFacts {
  readonly architecture: Architecture;
  readonly gpu: boolean;
}

interface LaunchImage {
  readonly imageId: string;
  /** With the size of its snapshot, below which it can't be made; null where the image names none. */
  readonly rootDevice: { readonly name: string; readonly sizeGiB: number } | null;
}

/**
 * The AMI to launch: the given one, the value of the given SSM parameter, or the default for the types. A maintain fleet
 * cannot resolve parameters by itself, and an id pinned at launch keeps all recoveries on one image.
 * The image is looked at: a fleet would tell only in its events that there is none. Errors: `config-invalid` for mixed
 * architectures, for a parameter or image that does not exist, and for an image of another architecture.
 */
export async function resolveImage(
  clients: { readonly ec2: EC2Client; readonly ssm: SSMClient },
  image: string | null,
  instanceTypes: readonly string[],
): Promise<LaunchImage> {
  const facts = await typeFacts(clients.ec2, instanceTypes);
  const imageId =
    image?.startsWith('ami-') === true
      ? image
      : await parameterValue(clients.ssm, image?.replace(/^resolve:ssm:/, '') ?? defaultParameter(facts));
  return checkedImage(clients.ec2, imageId, facts);
}

async function parameterValue(ssm: SSMClient, parameter: string): Promise<string> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }));
    return required(Parameter?.Value, `value of the SSM parameter ${parameter}`);
  } catch (error) {
    if (awsCodeOf(error) !== 'ParameterNotFound') throw error;
    throw new RunctlError('config-invalid', `there is no SSM parameter ${parameter} in this region`, {
      hint: 'name an image with --ami ami-…',
      cause: error,
    });
  }
}

async function checkedImage(ec2: EC2Client, imageId: string, facts: readonly TypeFacts[]): Promise<LaunchImage> {
  const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  const found = Images?.[0];
  // A private image of another account is answered with nothing at all.
  if (found === undefined || (found.State !== undefined && found.State !== 'available'))
    throw new RunctlError(
      'config-invalid',
      `the image ${imageId} ${found === undefined ? 'does not exist in this region' : `is ${found.State}`}`,
      { hint: 'images belong to one region: name one of this region with --ami, or none for the default image' },
    );
  const other = facts.find(({ architecture }) => architecture !== found.Architecture);
  if (other !== undefined && found.Architecture !== undefined)
    throw new RunctlError(
      'config-invalid',
      `the image ${imageId} is for ${found.Architecture}, the instance types are ${other.architecture}`,
      { hint: `name an image for ${other.architecture} with --ami, or none for the default image` },
    );
  return { imageId, rootDevice: rootDeviceOf(found) };
}

function rootDeviceOf(image: Image): LaunchImage['rootDevice'] {
  const name = image.RootDeviceName;
  if (name === undefined) return null;
  const mapping = image.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === name);
  return { name, sizeGiB: mapping?.Ebs?.VolumeSize ?? 8 };
}

function defaultParameter(facts: readonly TypeFacts[]): string {
  const architectures = new Set(facts.map((fact) => fact.architecture));
  if (architectures.size > 1)
    throw new RunctlError('config-invalid', 'the instance types mix x86_64 and arm64, which no single image serves', {
      hint: 'launch with types of one architecture',
    });
  return DEFAULT_PARAMETERS[facts.some((fact) => fact.gpu) ? 'gpu' : 'cpu'][facts[0]?.architecture ?? 'x86_64'];
}

async function typeFacts(client: EC2Client, instanceTypes: readonly string[]): Promise<TypeFacts[]> {
  const { InstanceTypes = [] } = await client.send(
    new DescribeInstanceTypesCommand({ InstanceTypes: instanceTypes.map((type) => type as _InstanceType) }),
  );
  return InstanceTypes.map((type) => ({
    architecture: type.ProcessorInfo?.SupportedArchitectures?.includes('arm64') === true ? 'arm64' : 'x86_64',
    gpu: (type.GpuInfo?.Gpus?.length ?? 0) > 0,
  }));
}
