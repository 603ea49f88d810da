import { nearest } from '@runctl/core';
import { RefusedValue, type ValueSchema } from './value-schema.ts';

/** One of a few words. */
export function choice<const W extends string>(...words: readonly W[]): ValueSchema<W> {
  const others = words.slice(0, -1).join(', ');
  return {
    takes: words.length === 1 ? `only ${words[0] ?? ''}` : `${others} or ${words.at(-1) ?? ''}`,
    example: words[0] ?? '',
    valueName: words.join('|'),
    values: words,
    read(given) {
      const word = words.find((each) => each === given);
      if (word !== undefined) return word;
      const meant = typeof given === 'string' && given !== '' ? nearest(given.toLowerCase(), words) : null;
      return new RefusedValue(meant === null ? {} : { meant });
    },
  };
}

/** A flag without a value; `true` or `false` in a file, and in a variable also 1, 0, yes and no. */
export const yesOrNo: ValueSchema<boolean> = {
  takes: 'true or false',
  example: 'true',
  valueName: null,
  read(given) {
    if (typeof given === 'boolean') return given;
    if (typeof given !== 'string') return new RefusedValue();
    if (['true', '1', 'yes'].includes(given)) return true;
    return ['false', '0', 'no'].includes(given) ? false : new RefusedValue();
  },
};
