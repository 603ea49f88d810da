export { faultRuleSchema, type FaultCount, type FaultRule } from '../../model/s3/faults.ts';
export { createS3Service, type S3Service, type S3ServiceOptions } from './service.ts';
