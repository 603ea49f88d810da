import { StoreError } from '@runctl/store';
import { expect, test } from 'vitest';
import { unsavedOf } from './unsaved.ts';
import { passReport } from '../testing/pass-report.ts';

const denied = new StoreError('denied', 'put s3://b/k: AccessDenied');

test.each([
  ['everything is durable', passReport({}), null],
  ['no pass', null, 'there was no time for a last look at the checkpoint folder'],
  ['a checkpoint with its reason', passReport({ notDurable: ['step-5: torn'] }), 'step-5: torn'],
  [
    'the error that the checkpoint names already, once',
    passReport({ notDurable: ['step-5: put s3://b/k: AccessDenied'], error: denied }),
    'step-5: put s3://b/k: AccessDenied',
  ],
  [
    'the error behind a lease that ran out',
    passReport({ notDurable: ['step-5: this machine does not hold the lease now'], error: denied }),
    'step-5: this machine does not hold the lease now (put s3://b/k: AccessDenied)',
  ],
  [
    'a look that never came to the checkpoints',
    passReport({ error: denied }),
    'the look at the checkpoint folder was cut short (put s3://b/k: AccessDenied)',
  ],
  [
    'what was still being written when there was no more time',
    passReport({
      unsettled: true,
      candidates: [
        { entry: 'step-5', step: 5, complete: false, why: 'a.bin is open for writing' },
        { entry: 'step-4', step: 4, complete: true, why: 'whole' },
      ],
    }),
    'step-5: a.bin is open for writing',
  ],
  [
    'a lease that ran out',
    passReport({ refused: 'not-holder' }),
    'the look at the checkpoint folder was cut short (this machine does not hold the lease now)',
  ],
])('tells %s', (_, lastPass, told) => {
  expect(unsavedOf(lastPass)).toBe(told);
});
