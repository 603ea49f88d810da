export { FirstBoot, firstBootLimits } from './first-boot.ts';
export { costIfSilent, followRun, type FollowEnd } from './follow-run.ts';
export { watchFirstBoot } from './watch-first-boot.ts';
export { waitForRun } from './wait-for-run.ts';
export type { AskAnew } from './follow-capacity.ts';
