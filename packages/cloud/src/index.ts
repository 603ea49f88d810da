export * from './fleet-ender/fleet-ender.ts';
