import { fileURLToPath } from 'node:url';
import { checkAgainstModels, missingModels } from '@runctl/testkit/botocore';
import { expect, test } from 'vitest';
import { imageId } from '../model/testing/model-region.ts';
import { ec2ActionNames } from './ec2/service.ts';
import { iamActionNames } from './iam/service.ts';
import { pricingActionNames } from './pricing/service.ts';
import { quotaActionNames } from './servicequotas/service.ts';
import { ssmActionNames } from './ssm/service.ts';
import { runClient } from './testing/client-process.ts';
import { regionServer } from './testing/region-server.ts';

const python = process.env['RUNCTL_BOTO3_PYTHON'];
const script = fileURLToPath(new URL('testing/fixtures/every_action.py', import.meta.url));

test("every action's answer is what botocore's model says, and has nothing else", async (context) => {
  const missing = await missingModels(python);
  if (missing !== null || python === undefined) {
    context.skip(missing ?? '');
    return;
  }
  await using region = await regionServer({ invocationVisibleMs: 500, profileDelayMs: 600_000 });
  region.compute.settings.setCapacity({ type: 'r7i.2xlarge' }, 0);
  const outcome = await runClient(python, [script, region.endpoint, imageId], region.environment);
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });

  const report = await checkAgainstModels(python, region.exchanges);
  expect(report.findings).toEqual([]);
  const actions = [
    ...ec2ActionNames.map((name) => `ec2:${name}`),
    ...ssmActionNames.map((name) => `ssm:${name}`),
    ...iamActionNames.filter((name) => name !== 'CreateServiceLinkedRole').map((name) => `iam:${name}`),
    ...pricingActionNames.map((name) => `pricing:${name}`),
    ...quotaActionNames.map((name) => `service-quotas:${name}`),
    'sts:GetCallerIdentity',
  ];
  expect(actions.filter((action) => report.checked[action] === undefined)).toEqual([]);
});
