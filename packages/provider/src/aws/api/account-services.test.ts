import { expect, test } from 'vitest';
import { iamHome } from './account-services.ts';

/** As in botocore's rules of IAM's endpoints. */
test.each([
  ['eu-west-1', 'us-east-1', 'iam.amazonaws.com'],
  ['us-gov-east-1', 'us-gov-west-1', 'iam.us-gov.amazonaws.com'],
  ['cn-northwest-1', 'cn-north-1', 'iam.cn-north-1.amazonaws.com.cn'],
  ['eusc-de-east-1', 'eusc-de-east-1', 'iam.eusc-de-east-1.amazonaws.eu'],
  ['us-iso-west-1', 'us-iso-east-1', 'iam.us-iso-east-1.c2s.ic.gov'],
  ['us-isob-west-1', 'us-isob-east-1', 'iam.us-isob-east-1.sc2s.sgov.gov'],
  ['us-isof-east-1', 'us-isof-south-1', 'iam.us-isof-south-1.csp.hci.ic.gov'],
  ['eu-isoe-west-1', 'eu-isoe-west-1', 'iam.eu-isoe-west-1.cloud.adc-e.uk'],
])('the IAM of %s signs for %s and answers at %s', (asked, region, host) => {
  expect(iamHome(asked)).toEqual({ region, endpoint: `https://${host}` });
});
