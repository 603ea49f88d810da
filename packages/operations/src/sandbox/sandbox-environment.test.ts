import { expect, test } from 'vitest';
import { withoutAccount } from './sandbox-environment.ts';

test('takes away what would lead AWS clients past the local cloud, and nothing else', () => {
  const environment = {
    AWS_PROFILE: 'work',
    AWS_SESSION_TOKEN: 't',
    AWS_ENDPOINT_URL_S3: 'https://elsewhere',
    RUNCTL_PREFIX: 'team',
    RUNCTL_BUDGET: '5',
    PATH: '/bin',
  };
  expect(Object.entries(withoutAccount(environment)).filter(([, value]) => value !== undefined)).toEqual([
    ['RUNCTL_BUDGET', '5'],
    ['PATH', '/bin'],
  ]);
  expect(withoutAccount(environment)).toHaveProperty('AWS_PROFILE', undefined);
});
