export { drill } from './drill.ts';
