import { declared } from '../declaration/option-declaration.ts';
import { bucketName, profileName, regionName } from '../values/cloud-names.ts';
import { yesOrNo } from '../values/choices.ts';
import { keyPrefix, localFolder } from '../values/places.ts';
import { textThat } from '../values/texts.ts';

/** Whose cloud, and where in it. Every command has them. */
export const cloudOptions = {
  sandbox: declared({
    flag: '--sandbox',
    schema: yesOrNo,
    help: 'use the embedded local cloud instead of AWS; it is started if need be',
    group: 'cloud',
    default: false,
  }),
  state: declared({
    flag: '--state',
    schema: localFolder,
    help: 'folder of the local cloud',
    group: 'cloud',
    defaultText: 'RUNCTL_SANDBOX_STATE, or in ~/.local/state',
  }),
  bucket: declared({
    flag: '--bucket',
    key: 'bucket',
    schema: bucketName,
    help: 'bucket in which runs live',
    group: 'cloud',
    more: 'needed',
  }),
  prefix: declared({
    flag: '--prefix',
    key: 'prefix',
    schema: keyPrefix,
    help: 'folder in the bucket',
    group: 'cloud',
    default: '',
    defaultText: 'the whole bucket',
    more: 'at most 256 bytes',
  }),
  region: declared({
    flag: '--region',
    key: 'region',
    schema: regionName,
    help: 'AWS region',
    group: 'cloud',
    defaultText: 'what the AWS tools use',
  }),
  provider: declared({
    flag: null,
    key: 'provider',
    schema: textThat({ takes: 'the name of who rents the machines', example: 'aws', valueName: 'NAME' }),
    help: 'who rents the machines: `aws`',
    group: 'cloud',
    default: 'aws',
  }),
  profile: declared({
    flag: '--profile',
    key: 'profile',
    schema: profileName,
    help: 'profile of ~/.aws/config',
    group: 'cloud',
    defaultText: 'what the AWS tools use',
  }),
};
