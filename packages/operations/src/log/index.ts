export { showLog } from './show-log.ts';
