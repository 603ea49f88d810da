export { showLog, type ShownLogEvent } from './show-log.ts';
