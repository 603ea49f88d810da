export { offerWishOf } from './find-place.ts';
export type { LaunchPlan, LaunchWish, MachineWish } from './launch-plan.ts';
export { launchRun } from './launch-run.ts';
export { makePlan } from './make-plan.ts';
export { notEnded } from './not-ended.ts';
export type { ToolFile, ToolFinder, Tools, ToolTarget } from './tools.ts';
