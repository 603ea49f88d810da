export { createInterruptionWatcher } from './watcher.ts';
export { createEc2Host } from './ec2-host.ts';
