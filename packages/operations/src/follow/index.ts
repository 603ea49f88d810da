export { fleetErrorText, isPermanent } from './fleet-error.ts';
export { followRun } from './follow-run.ts';
export { waitForRun } from './wait-for-run.ts';
