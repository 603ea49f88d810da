import { declared } from '../declaration/option-declaration.ts';
import { choice, yesOrNo } from '../values/choices.ts';
import { imageName, machineRoleName, machineTypeName, networkName, securityGroupName } from '../values/cloud-names.ts';
import { acceleratorNeed, amountOf } from '../values/machine-needs.ts';
import { numberIn } from '../values/numbers.ts';
import { listOf } from '../values/texts.ts';

/** On which machines a run trains. */
export const machineOptions = {
  instanceTypes: declared({
    flag: '--instance-type',
    key: 'instance_types',
    carriedAs: 'machine.machineTypes',
    schema: listOf(machineTypeName, 'names of instance types'),
    help: 'type to use; repeatable, or with commas',
    group: 'where',
    default: [],
    defaultText: 'see the plan',
    more: 'three or more find capacity sooner',
  }),
  gpus: declared({
    flag: '--gpus',
    key: 'gpus',
    carriedAs: 'machine.gpus',
    schema: acceleratorNeed,
    help: 'accelerators that a type must have',
    group: 'where',
    more: 'a number alone means GPUs of NVIDIA, Inferentia and Trainium go by name; where no type is named, all types that have what is needed, the 20 cheapest of them, and without this none with an accelerator',
  }),
  cpus: declared({
    flag: '--cpus',
    key: 'cpus',
    carriedAs: 'machine.cpus',
    schema: amountOf('a number of vCPUs', '8+'),
    help: 'vCPUs that a type must have',
    group: 'where',
  }),
  memory: declared({
    flag: '--memory',
    key: 'memory',
    carriedAs: 'machine.memoryGiB',
    schema: amountOf('a number of GiB', '32+'),
    help: 'GiB of memory that a type must have',
    group: 'where',
  }),
  arch: declared({
    flag: '--arch',
    key: 'arch',
    carriedAs: 'machine.architecture',
    schema: choice('x64', 'arm64'),
    help: 'processor that a type must have',
    group: 'where',
    defaultText: 'that of the types, else x64',
  }),
  onDemand: declared({
    flag: '--on-demand',
    key: 'on_demand',
    schema: yesOrNo,
    help: 'do not use spot at all',
    group: 'where',
    default: false,
  }),
  instanceProfile: declared({
    flag: '--instance-profile',
    key: 'instance_profile',
    schema: machineRoleName,
    help: 'name or ARN of what gives instances their rights',
    group: 'where',
    more: '[what it must allow](aws-account.md); needed',
  }),
  subnets: declared({
    flag: '--subnet',
    key: 'subnets',
    schema: listOf(networkName, 'ids of subnets'),
    help: 'subnet to launch in; repeatable, or with commas',
    group: 'where',
    default: [],
    defaultText: 'the default VPC',
    more: 'one a zone',
  }),
  securityGroups: declared({
    flag: '--security-group',
    key: 'security_groups',
    schema: listOf(securityGroupName, 'ids of security groups'),
    help: 'security group of the instances; repeatable, or with commas',
    group: 'where',
    default: [],
    defaultText: "the VPC's default",
  }),
  ami: declared({
    flag: '--ami',
    key: 'ami',
    carriedAs: 'machine.image',
    schema: imageName,
    help: 'image id or SSM parameter',
    group: 'where',
    defaultText:
      'the newest Deep Learning image for GPUs, that of Neuron for Inferentia and Trainium, Ubuntu 24.04 for others',
  }),
  /** The largest volume is 64 TiB (Amazon EBS User Guide, "General Purpose SSD volumes"). */
  rootVolume: declared({
    flag: '--root-volume-gib',
    key: 'root_volume_gib',
    carriedAs: 'machine.rootDiskGiB',
    schema: numberIn({ kind: 'a whole number of GiB', least: 1, most: 65_536, example: 100 }),
    help: 'size of the root disk',
    group: 'where',
    defaultText: "the image's",
  }),
};

/** Those that name parts of an account, which exist before any launch. */
export const accountPartOptions = {
  instanceProfile: machineOptions.instanceProfile,
  subnets: machineOptions.subnets,
  securityGroups: machineOptions.securityGroups,
};
