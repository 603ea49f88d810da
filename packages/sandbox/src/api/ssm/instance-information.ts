import { AwsError } from '../../model/aws-error.ts';
import type { Instance } from '../../model/ec2/instance.ts';
import { epochSeconds, pagedJson } from './input.ts';
import type { Input } from './input.ts';
import type { SsmAction } from './service.ts';

interface Filter {
  readonly key: string;
  readonly values: readonly string[];
}

export const instanceInformationActions: Readonly<Record<string, SsmAction>> = {
  DescribeInstanceInformation: (input, compute) => {
    const filters = filtersOf(input);
    const known = compute.instances.list().flatMap((instance) => {
      const ping = compute.commands.pingOf(instance);
      return ping === null ? [] : [{ instance, ...ping }];
    });
    const matching = known.filter(({ instance, status }) =>
      filters.every(({ key, values }) => valuesOf(instance, status, key).some((value) => values.includes(value))),
    );
    const { items, next } = pagedJson(input, matching, { least: 5 });
    return {
      InstanceInformationList: items.map(({ instance, status, lastPingMs }) => ({
        InstanceId: instance.id,
        PingStatus: status,
        LastPingDateTime: epochSeconds(lastPingMs),
        AgentVersion: '3.3.3050.0',
        IsLatestVersion: true,
        PlatformType: 'Linux',
        PlatformName: 'Ubuntu',
        PlatformVersion: '22.04',
        ResourceType: 'EC2Instance',
        IPAddress: instance.privateAddress,
        ComputerName: `${instance.hostName}.ec2.internal`,
        SourceId: instance.id,
        SourceType: 'AWS::EC2::Instance',
      })),
      ...next,
    };
  },
};

/** Both spellings of the request's filters: `Filters` and the older `InstanceInformationFilterList`. */
function filtersOf(input: Input): readonly Filter[] {
  const filters = [
    ...input.structures('Filters').map((filter) => ({ key: filter.required('Key'), values: filter.texts('Values') })),
    ...input
      .structures('InstanceInformationFilterList')
      .map((filter) => ({ key: filter.required('key'), values: filter.texts('valueSet') })),
  ];
  const unknown = filters.find(({ key }) => !isKnown(key));
  if (unknown === undefined) return filters;
  throw new AwsError('InvalidInstanceInformationFilterValue', `The filter key '${unknown.key}' is not valid.`);
}

function isKnown(key: string): boolean {
  return (
    ['InstanceIds', 'PingStatus', 'PlatformTypes', 'ResourceType', 'tag-key'].includes(key) || key.startsWith('tag:')
  );
}

function valuesOf(instance: Instance, status: string, key: string): readonly string[] {
  if (key === 'InstanceIds') return [instance.id];
  if (key === 'PingStatus') return [status];
  if (key === 'PlatformTypes') return ['Linux'];
  if (key === 'ResourceType') return ['EC2Instance'];
  if (key === 'tag-key') return [...instance.tags.keys()];
  const value = instance.tags.get(key.slice('tag:'.length));
  return value === undefined ? [] : [value];
}
