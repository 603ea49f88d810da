import type { CountRange, MachineNeed } from '@runctl/provider';
import { RefusedValue, type ValueSchema } from './value-schema.ts';

/** So many, or with a plus so many and more: `8`, `8+`. */
export function amountOf(kind: string, example: string): ValueSchema<CountRange> {
  return {
    takes: `${kind}, with a plus for "or more"`,
    example,
    valueName: 'N[+]',
    read: (given) => asAmount(given) ?? new RefusedValue(),
  };
}

/** Accelerators by name, by number, or both: `A10G`, `A10G:1`, `4+`. */
export const acceleratorNeed: ValueSchema<NonNullable<MachineNeed['gpus']>> = {
  takes: 'accelerators as NAME:N, a name or a number, with a plus for "or more"',
  example: 'A10G:1',
  valueName: 'NAME[:N]',
  read(given) {
    const alone = asAmount(given);
    if (alone !== null) return { name: null, count: alone };
    const [, name, count = '1'] = /^([A-Za-z][\w -]*?)(?::(.+))?$/.exec(String(given).trim()) ?? [];
    const amount = asAmount(count);
    return name === undefined || amount === null ? new RefusedValue() : { name, count: amount };
  },
};

/** Whole numbers above 0. */
function asAmount(given: unknown): CountRange | null {
  if (typeof given !== 'string' && typeof given !== 'number') return null;
  const [, number, plus] = /^(\d{1,7})(\+?)$/.exec(String(given).trim()) ?? [];
  const least = Number(number ?? 0);
  if (least < 1) return null;
  return { least, most: plus === '+' ? null : least };
}
