import { nearestRegion } from './regions.ts';
import { textThat } from './texts.ts';

/** General purpose buckets (Amazon S3 User Guide, "General purpose bucket naming rules"). */
export const bucketName = textThat({
  takes: 'the name of a bucket: 3 to 63 lowercase letters, digits, dots and dashes',
  example: 'my-training',
  valueName: 'NAME',
  pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
  refuses: (text) => (/^(\d+\.){3}\d+$/.test(text) ? 'the name of a bucket and no IP address' : null),
});

export const regionName = textThat({
  takes: 'the name of an AWS region',
  example: 'us-east-1',
  valueName: 'REGION',
  pattern: /^[a-z]{2,}(-[a-z]+)+-\d+$/,
  guess: nearestRegion,
});

export const profileName = textThat({
  takes: 'the name of a profile of ~/.aws/config',
  example: 'default',
  valueName: 'NAME',
});

export const machineRoleName = textThat({
  takes: 'the name or the ARN of an instance profile',
  example: 'runctl-instance',
  valueName: 'NAME',
  pattern: /^(arn:[\w-]+:iam::\d+:instance-profile\/[\w+=,.@/-]+|[\w+=,.@-]+)$/,
});

export const machineTypeName = textThat({
  takes: 'names of instance types',
  example: 'g5.xlarge',
  valueName: 'TYPE',
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
});

export const imageName = textThat({
  takes: 'the id of an image, or the name of an SSM parameter that holds one',
  example: 'ami-0123456789abcdef0',
  valueName: 'IMAGE',
  pattern: /^(ami-[0-9a-f]+|(resolve:ssm:)?(?!ami-)[\w./:-]+)$/,
});

export const networkName = textThat({
  takes: 'ids of subnets',
  example: 'subnet-0123456789abcdef0',
  valueName: 'ID',
  pattern: /^subnet-[0-9a-z-]+$/,
});

export const securityGroupName = textThat({
  takes: 'ids of security groups',
  example: 'sg-0123456789abcdef0',
  valueName: 'ID',
  pattern: /^sg-[0-9a-z-]+$/,
});
