import type { Market } from '@runctl/protocol';
import { expect, test } from 'vitest';
import type { TargetWish } from '../../port/index.ts';
import { capacityRequest } from '../../testing/capacity-request.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';

const RUN = 'r-template';

/** Launches as the wish says, and gives back what the fleet's machines are made from, once there is one. */
async function launched(changes: Partial<TargetWish> & { readonly mayChangeMarket?: boolean }) {
  await using under = await awsUnderTest();
  const { provider, region } = under;
  const wish = { ...under.wish, ...changes };
  const request = await capacityRequest({ ...under, wish }, RUN, { mayChangeMarket: changes.mayChangeMarket ?? false });
  const { offers } = request;
  await provider.launch(request);
  while ((await provider.machines(RUN))[0]?.state !== 'running') await under.pass();
  const template = region.compute.templates.list()[0]?.versions.get(1)?.data;
  const [spotRequest] = region.compute.spotRequests.list();
  return { template, offers, machine: (await provider.machines(RUN))[0], spotRequest };
}

test('a spot machine reads its metadata itself alone, and everything of it that can be is tagged', async () => {
  const { spotRequest, template } = await launched({ market: 'spot' });
  expect(template?.metadata).toMatchObject({ httpTokens: 'required', hopLimit: 1 });
  expect([...(template?.tags?.keys() ?? [])]).toEqual(['instance', 'volume', 'spot-instances-request']);
  expect(spotRequest?.tags.get('runctl:run')).toBe(RUN);
});

test.each([
  ['of on-demand machines', { market: 'on-demand' }],
  ['from which on-demand machines may follow', { market: 'spot', mayChangeMarket: true }],
] as const)('a template %s tags no spot request, which EC2 would refuse', async (_what, changes) => {
  const { template } = await launched(changes);
  expect([...(template?.tags?.keys() ?? [])]).toEqual(['instance', 'volume']);
});

test.each<[string, string[], Market]>([
  ['Graviton', ['c7g.large', 'm7g.large'], 'spot'],
  ['Graviton with a GPU', ['g5g.xlarge', 'g5g.2xlarge'], 'spot'],
  ['Graviton that EC2 only sells on demand', ['hpc7g.4xlarge'], 'on-demand'],
])('%s launches with an image for its processor', async (_what, machineTypes, market) => {
  const { machine, offers, template } = await launched({ machineTypes, market, architecture: null });
  expect(new Set(offers.map(({ architecture }) => architecture))).toEqual(new Set(['arm64']));
  expect(template?.imageId).toBe('ami-0123456789abcdef1');
  expect(machineTypes).toContain(machine?.machineType);
});
