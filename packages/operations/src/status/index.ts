export { listRuns, type RunRow } from './list-runs.ts';
export { runDetail, type RunDetail } from './run-detail.ts';
