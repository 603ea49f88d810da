export { faultRuleSchema, type FaultCount, type FaultRule } from './faults.ts';
export { createS3Service, type S3Service, type S3ServiceOptions } from './service.ts';
