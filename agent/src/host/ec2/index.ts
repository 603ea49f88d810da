export { createInterruptionWatcher } from './watcher.ts';
export { createEc2Host } from './ec2-host.ts';
export type { FleetEnder } from './fleet-ender.ts';
