export { MemoryCloud } from './memory-cloud.ts';
export { MemoryProvider } from './memory-provider.ts';
export type { MemoryMachineType, MemoryRules } from './rules.ts';
