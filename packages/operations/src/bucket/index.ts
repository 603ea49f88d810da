export type { CleanupDecision, CleanupPolicy } from './cleanup-plan.ts';
export { carryOutCleanup, decideCleanup } from './cleanup.ts';
export { copyInside } from './copy-inside.ts';
export { listPlace } from './list-place.ts';
export { reviewBucket, type Amount, type Review } from './review.ts';
export { watchObjects } from './watch-objects.ts';
