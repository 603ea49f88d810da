export type { FaultCount, FaultRule } from './api/s3/index.ts';
export type { SandboxLevel } from './machine/driver.ts';
export type { Delays } from './model/ec2/settings.ts';
export type { LevelChoice, RefusedLevel } from './region/choose-driver.ts';
export { serveRegion, type Region, type RegionOptions } from './region/region.ts';
export { serveUntilStopped } from './region/serve.ts';
