import { DescribeInstanceTypesCommand, type EC2Client, type _InstanceType } from '@aws-sdk/client-ec2';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { RunctlError, required } from '@runctl/core';
import { awsCodeOf } from './classify.ts';

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

/**
 * The AMI id to launch: the given one, the value of the given SSM parameter, or the default for the types. A maintain fleet
 * cannot resolve parameters by itself, and an id pinned at launch keeps all recoveries on one image.
 * Errors: `config-invalid` for mixed architectures or a parameter that does not exist.
 */
export async function resolveImage(
  clients: { readonly ec2: EC2Client; readonly ssm: SSMClient },
  image: string | null,
  instanceTypes: readonly string[],
): Promise<string> {
  if (image?.startsWith('ami-') === true) return image;
  const parameter =
    image?.replace(/^resolve:ssm:/, '') ?? defaultParameter(await typeFacts(clients.ec2, instanceTypes));
  try {
    const { Parameter } = await clients.ssm.send(new GetParameterCommand({ Name: parameter }));
    return required(Parameter?.Value, `value of the SSM parameter ${parameter}`);
  } catch (error) {
    if (awsCodeOf(error) !== 'ParameterNotFound') throw error;
    throw new RunctlError('config-invalid', `there is no SSM parameter ${parameter} in this region`, {
      hint: 'name an image with --ami ami-…',
      cause: error,
    });
  }
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
