import { declared } from '../declaration/option-declaration.ts';
import { numberIn } from '../values/numbers.ts';

/** What is told of prices. */
export const priceOptions = {
  /** EC2 remembers spot prices for 90 days (EC2 API reference, DescribeSpotPriceHistory). */
  days: declared({
    flag: '--days',
    schema: numberIn({ least: 1, most: 90, example: 30 }),
    help: 'also show the lowest and the highest price of the last N days',
    group: 'money',
  }),
};
