export { listRuns, type RunSummary } from './list-runs.ts';
export { runDetail, type RunDetail } from './run-detail.ts';
