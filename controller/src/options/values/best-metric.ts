import { RefusedValue, type ValueSchema } from './value-schema.ts';

/** A number of the progress file, and which end of it is best: `loss:min`, `accuracy:max`; `loss` alone means `loss:min`. */
export const bestMetric: ValueSchema<{ readonly metric: string; readonly mode: 'min' | 'max' }> = {
  takes: 'a name in the progress file with min or max',
  example: 'loss:min',
  valueName: 'NAME:min|max',
  read(given) {
    if (typeof given !== 'string') return new RefusedValue({ takes: 'a text in quotes' });
    const [, metric, mode = 'min'] = /^([^:\s]+?)(?::(min|max))?$/.exec(given) ?? [];
    return metric === undefined ? new RefusedValue() : { metric, mode: mode as 'min' | 'max' };
  },
};
