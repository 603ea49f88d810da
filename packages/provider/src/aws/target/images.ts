import { DescribeImagesCommand, type EC2Client, type Image } from '@aws-sdk/client-ec2';
import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { RunctlError, required } from '@runctl/core';
import { awsCodeOf } from '../api/classify.ts';
import { describeTypes, type TypeFacts } from '../offers/type-facts.ts';
import { defaultParameter } from './default-image.ts';
import { refuseUnsuitable } from './named-image.ts';

interface LaunchImage {
  readonly imageId: string;
  /** With the size of its snapshot, below which it can't be made; null where the image names none. */
  readonly rootDevice: { readonly name: string; readonly sizeGiB: number } | null;
}

/**
 * The AMI to launch: the given one, the value of the given SSM parameter, or the default for the types. A maintain fleet
 * cannot resolve parameters by itself, and an id pinned at launch keeps all recoveries on one image.
 * The image is looked at: a fleet would tell only in its events that there is none. Errors: `config-invalid` for a parameter
 * or image that does not exist, for one that does not suit the types, and for types that no image is known for.
 */
export async function resolveImage(
  clients: { readonly ec2: EC2Client; readonly ssm: SSMClient },
  image: string | null,
  instanceTypes: readonly string[],
): Promise<LaunchImage> {
  const types = await describeTypes(clients.ec2, instanceTypes);
  if (image?.startsWith('ami-') === true) return checkedImage(clients.ec2, { imageId: image, parameter: null }, types);
  const parameter = image?.replace(/^resolve:ssm:/, '') ?? defaultParameter(types);
  const imageId = await parameterValue(clients.ssm, parameter);
  return checkedImage(clients.ec2, { imageId, parameter }, types);
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

async function checkedImage(
  ec2: EC2Client,
  { imageId, parameter }: { readonly imageId: string; readonly parameter: string | null },
  types: readonly TypeFacts[],
): Promise<LaunchImage> {
  const { Images } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
  const found = Images?.[0];
  // A private image of another account is answered with nothing at all.
  if (found === undefined || (found.State !== undefined && found.State !== 'available'))
    throw new RunctlError(
      'config-invalid',
      `the image ${imageId} ${found === undefined ? 'does not exist in this region' : `is ${found.State}`}`,
      { hint: 'images belong to one region: name one of this region with --ami, or none for the default image' },
    );
  const texts = [found.Name, found.Description, parameter ?? undefined].filter((text) => text !== undefined);
  refuseUnsuitable({ imageId, processor: found.Architecture ?? null, texts }, types);
  return { imageId, rootDevice: rootDeviceOf(found) };
}

function rootDeviceOf(image: Image): LaunchImage['rootDevice'] {
  const name = image.RootDeviceName;
  if (name === undefined) return null;
  const mapping = image.BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === name);
  return { name, sizeGiB: mapping?.Ebs?.VolumeSize ?? 8 };
}
