export { createInterruptionWatcher } from './watcher.ts';
