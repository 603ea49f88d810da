import { AwsError } from '../../model/aws-error.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { instanceTypes, type InstanceType } from '../../model/ec2/catalog.ts';
import type { Service } from '../../wire/service.ts';
import { createJsonService, type JsonAction } from '../json-service.ts';
import { pagedJson, type Input } from '../ssm/input.ts';

const actions: Readonly<Record<string, JsonAction>> = {
  GetProducts: (input, compute) => {
    const code = input.required('ServiceCode');
    if (code !== 'AmazonEC2') throw new AwsError('NotFoundException', `The service code ${code} is not found.`);
    const filters = input.structures('Filters').map(filterOf);
    const products = [...instanceTypes.values()]
      .filter(({ onDemandUsd }) => onDemandUsd > 0)
      .map((type) => ({ type, attributes: attributesOf(type, compute.region) }))
      .filter(({ attributes }) => filters.every(({ field, value }) => matches(attributes, field, value)));
    const { items, next } = pagedJson(input, products, { most: 100 });
    return { FormatVersion: 'aws_v1', PriceList: items.map(priceText), ...next };
  },
};

/** Names of every action of the price list that is served. */
export const pricingActionNames: readonly string[] = Object.keys(actions);

type Attributes = Readonly<Record<string, string>>;

function filterOf(filter: Input): { readonly field: string; readonly value: string } {
  const kind = filter.required('Type');
  if (kind !== 'TERM_MATCH' && kind !== 'EQUALS')
    throw new AwsError('InvalidParameterException', `the sandbox does not filter prices by ${kind}`);
  return { field: filter.required('Field'), value: filter.required('Value') };
}

function matches(attributes: Attributes, field: string, value: string): boolean {
  if (Object.hasOwn(attributes, field)) return attributes[field]?.toLowerCase() === value.toLowerCase();
  throw new AwsError('InvalidParameterException', `Input Parameter: Field is invalid: ${field}`);
}

function attributesOf({ name, vcpus, memoryMib }: InstanceType, region: string): Attributes {
  return {
    servicecode: 'AmazonEC2',
    regionCode: region,
    instanceType: name,
    vcpu: String(vcpus),
    memory: `${memoryMib / 1024} GiB`,
    operatingSystem: 'Linux',
    preInstalledSw: 'NA',
    tenancy: 'Shared',
    capacitystatus: 'Used',
    marketoption: 'OnDemand',
  };
}

/** An entry of the list: JSON in a string. */
function priceText({ type, attributes }: { readonly type: InstanceType; readonly attributes: Attributes }): string {
  const sku = type.name.replaceAll(/[^a-z0-9]/g, '').toUpperCase();
  const term = `${sku}.JRTCKXETXF`;
  const dimension = {
    rateCode: `${term}.6YS6EN2CT7`,
    unit: 'Hrs',
    beginRange: '0',
    endRange: 'Inf',
    description: `$${type.onDemandUsd} per On Demand Linux ${type.name} Instance Hour`,
    appliesTo: [],
    pricePerUnit: { USD: type.onDemandUsd.toFixed(10) },
  };
  return JSON.stringify({
    product: { productFamily: 'Compute Instance', attributes, sku },
    serviceCode: 'AmazonEC2',
    terms: {
      OnDemand: {
        [term]: {
          priceDimensions: { [dimension.rateCode]: dimension },
          sku,
          offerTermCode: 'JRTCKXETXF',
          termAttributes: {},
        },
      },
    },
  });
}

/** The price list's JSON 1.1 API, for machines of EC2 on demand alone. */
export function createPricingService(compute: Compute): Service {
  const words = { throttled: 'ThrottlingException', failed: 'InternalErrorException' };
  return createJsonService(compute, { name: 'pricing', actions, words });
}
