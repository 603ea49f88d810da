import { AwsError } from '../../model/aws-error.ts';
import { publicParameters } from '../../model/ec2/catalog.ts';
import type { Compute } from '../../model/compute/compute.ts';
import { epochSeconds, pagedJson } from './input.ts';
import type { Input } from './input.ts';
import type { SsmAction } from './service.ts';

/** d.ts PutParameterRequest.Name. */
const maximumPathLength = 1011;
const modifiedAtMs = Date.UTC(2026, 0, 1);

/** The public parameters that name AMIs. There are no private ones. */
export const parameterActions: Readonly<Record<string, SsmAction>> = {
  GetParameter: (input, compute) => {
    const name = input.required('Name');
    const value = publicParameters.get(name);
    if (value === undefined) throw new AwsError('ParameterNotFound', `Parameter ${name} not found.`);
    return { Parameter: parameterView(compute, name, value) };
  },

  GetParameters: (input, compute) => {
    const names = input.texts('Names');
    if (names.length === 0 || names.length > 10)
      throw new AwsError('ValidationException', 'Names must hold between 1 and 10 names');
    return {
      Parameters: names.flatMap((name) => {
        const value = publicParameters.get(name);
        return value === undefined ? [] : [parameterView(compute, name, value)];
      }),
      InvalidParameters: names.filter((name) => !publicParameters.has(name)),
    };
  },

  GetParametersByPath: (input, compute) => {
    const path = pathOf(input);
    const recursive = input.flag('Recursive');
    const matching = [...publicParameters].filter(
      ([name]) => name.startsWith(path) && (recursive || !name.slice(path.length).includes('/')),
    );
    const { items, next } = pagedJson(input, matching, { most: 10 });
    return { Parameters: items.map(([name, value]) => parameterView(compute, name, value)), ...next };
  },
};

/** The hierarchy that is asked for, with one slash at its end. */
function pathOf(input: Input): string {
  const path = input.required('Path');
  if (path.length > maximumPathLength)
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'path' failed to satisfy constraint: Member must have length less than or equal to ${maximumPathLength}`,
    );
  return `${path.replace(/\/+$/, '')}/`;
}

function parameterView(compute: Compute, name: string, value: string): Readonly<Record<string, unknown>> {
  return {
    Name: name,
    Type: 'String',
    Value: value,
    Version: 1,
    LastModifiedDate: epochSeconds(modifiedAtMs),
    ARN: `arn:aws:ssm:${compute.region}::parameter${name}`,
    DataType: name.endsWith('/ami-id') || name.includes('ami-amazon-linux') ? 'aws:ec2:image' : 'text',
  };
}
