export { stopRun, type StopEvent } from './stop-run.ts';
