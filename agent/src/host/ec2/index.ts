export { createImds } from './imds-client.ts';
export { createInterruptionWatcher } from './watcher.ts';
