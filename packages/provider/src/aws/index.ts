export { classifyAwsError } from './classify.ts';
export { createEc2FleetProvider } from './ec2-fleet-provider.ts';
export { createSsmRemoteCommand } from './ssm-remote-command.ts';
export { FLEET_TAG, TAG } from './tags.ts';
