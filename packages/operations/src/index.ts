export type { Cloud } from './cloud.ts';
export { storeProblem } from './documents.ts';
