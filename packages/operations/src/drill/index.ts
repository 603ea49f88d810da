export { drill, type DrillEvent, type DrillReport } from './drill.ts';
export type { Measured } from './measure.ts';
