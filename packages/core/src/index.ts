export * from './abort.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './format.ts';
export * from './ids.ts';
export * from './invariant.ts';
export * from './log.ts';
export * from './retry.ts';
