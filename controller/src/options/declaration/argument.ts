import { Option } from 'clipanion';
import { RunctlError } from '@runctl/core';

type ArgumentSpec<T> = Parameters<typeof Option.makeCommandOption<T>>[0];

/** The field of a command class for an argument that it needs: `runText = argument('RUN')`. Errors while reading: `usage` for an empty one. */
export function argument(name: string): string {
  return refusingEmpty(name, Option.String({ name }));
}

/** The same for one that may be left out. */
export function optionalArgument(name: string): string | undefined {
  return refusingEmpty(name, Option.String({ name, required: false }));
}

function refusingEmpty<T extends string | undefined>(name: string, field: T): T {
  // What clipanion types as the argument describes the field, until a command line is read.
  const spec = field as unknown as ArgumentSpec<T>;
  return Option.makeCommandOption<T>({
    ...spec,
    transformer(...read) {
      const value = spec.transformer(...read);
      if (value?.trim() === '')
        throw new RunctlError('usage', `${name} is empty`, { hint: 'check the shell variable that it comes from' });
      return value;
    },
  });
}
