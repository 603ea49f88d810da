export { followRun } from './follow-run.ts';
export { waitForRun } from './wait-for-run.ts';
export type { AskAnew } from './follow-capacity.ts';
