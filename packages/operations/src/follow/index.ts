export { fleetErrorText, isPermanent } from './fleet-error.ts';
export type { FollowEvent } from './follow-event.ts';
export { followRun } from './follow-run.ts';
export { waitForRun } from './wait-for-run.ts';
