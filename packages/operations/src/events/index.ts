export { watchEvents } from './watch-events.ts';
