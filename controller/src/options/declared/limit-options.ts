import { declared } from '../declaration/option-declaration.ts';
import { durationIn, numberIn } from '../values/numbers.ts';

/** What ends a run. */
export const limitOptions = {
  budget: declared({
    flag: '--budget',
    key: 'budget',
    carriedAs: 'policy.budgetUsd',
    schema: numberIn({
      kind: 'an amount of dollars',
      least: 0,
      above: true,
      most: 1_000_000,
      fraction: true,
      example: 40,
      valueName: 'USD',
    }),
    help: 'stop, with a checkpoint, when this many dollars are spent',
    group: 'money',
  }),
  assumePrice: declared({
    flag: '--assume-price',
    key: 'assume_price',
    carriedAs: 'machine.assumedPriceUsd',
    schema: numberIn({
      kind: 'an amount of dollars an hour',
      least: 0,
      above: true,
      most: 100_000,
      fraction: true,
      example: 1.5,
      valueName: 'USD',
    }),
    help: 'count an hour of a machine whose price is not known with this',
    group: 'money',
    defaultText: 'a launch with a budget is refused then',
  }),
  maxRuntime: declared({
    flag: '--max-runtime',
    key: 'max_runtime',
    carriedAs: 'machine.maxRuntimeMs',
    // The agent stops ten minutes before the end (`validityMarginMs`): less than this leaves no time to train.
    schema: durationIn({ least: '15m', most: '365d', example: '12h' }),
    help: 'the launch ends then, whatever happens',
    group: 'money',
    default: '7d',
    more: 'at least `15m`, since the run is stopped ten minutes before',
  }),
  maxInterruptions: declared({
    flag: '--max-interruptions',
    key: 'max_interruptions',
    carriedAs: 'policy.maxInterruptions',
    schema: numberIn({ least: 0, example: 20 }),
    help: 'give up after this many',
    group: 'money',
    defaultText: 'never',
  }),
  maxCrashes: declared({
    flag: '--max-crashes',
    key: 'max_crashes',
    carriedAs: 'policy.maxCrashes',
    schema: numberIn({ least: 0, example: 3 }),
    help: 'give up after this many crashes',
    group: 'money',
    default: 3,
  }),
};
