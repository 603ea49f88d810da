export type { RunEvent } from './run-events.ts';
export { watchEvents } from './watch-events.ts';
