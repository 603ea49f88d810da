export { classifyAwsError } from './api/classify.ts';
export { createEc2FleetProvider } from './ec2-fleet-provider.ts';
export { createSsmRemoteCommand } from './ssm/ssm-remote-command.ts';
export { FLEET_TAG, TAG } from './api/tags.ts';
