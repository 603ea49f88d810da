export { followRun } from './follow-run.ts';
export { isHopeless } from './hopeless.ts';
export { waitForRun } from './wait-for-run.ts';
