import type { Service } from '../wire/service.ts';
import { createEc2Service } from '../api/ec2/service.ts';
import { createIamService } from '../api/iam/service.ts';
import { createPricingService } from '../api/pricing/service.ts';
import { createQuotasService } from '../api/servicequotas/service.ts';
import { createSsmService } from '../api/ssm/service.ts';
import { createStsService } from '../api/sts/service.ts';
import type { Compute } from '../model/compute/compute.ts';

/** Every service of the region but S3, by the name in a signature's scope. */
export function servicesOf(compute: Compute): ReadonlyMap<string, Service> {
  return new Map([
    ['ec2', createEc2Service(compute)],
    ['iam', createIamService(compute)],
    ['pricing', createPricingService(compute)],
    ['servicequotas', createQuotasService(compute)],
    ['ssm', createSsmService(compute)],
    ['sts', createStsService(compute)],
  ]);
}
