import { expect, test } from 'vitest';
import type { CapacityRef } from '../../port/index.ts';
import { capacityRequest } from '../../testing/capacity-request.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';

const RUN = 'r-end';

type World = Awaited<ReturnType<typeof awsUnderTest>>;
const launched = { run: RUN, launch: 1 };

async function launchOne(world: World): Promise<CapacityRef> {
  return world.provider.launch(await capacityRequest(world, RUN));
}

test('a fleet that EC2 does not know yet is deleted once it does', async () => {
  await using under = await awsUnderTest();
  const ref = await launchOne(under);
  under.region.compute.settings.failNext('DeleteFleet', 'InvalidFleetId.NotFound', { times: 3 });
  await under.provider.end({ ...launched, ref }, { terminate: true });
  expect((await under.provider.state(ref)).status).not.toBe('active');
});

test('machines that stayed and that the account may not end are named, with what to do', async () => {
  await using under = await awsUnderTest();
  const { provider } = under;
  const ref = await launchOne(under);
  const state = async () => (await provider.machines(RUN))[0]?.state;
  while ((await state()) !== 'running') await under.pass();
  await provider.end({ ...launched, ref }, { terminate: false });
  const [machine] = await provider.machines(RUN);
  under.region.compute.settings.failNext('TerminateInstances', 'UnauthorizedOperation');
  const ending = provider.end({ ...launched, ref }, { terminate: true });
  await expect(ending).rejects.toMatchObject({
    code: 'access-denied',
    message: expect.stringContaining(`${machine?.machineId} of ${RUN} still run`) as string,
    hint: expect.stringContaining(`aws ec2 terminate-instances --instance-ids ${machine?.machineId}`) as string,
  });
  expect(await state()).toBe('running');
  // The right is there again: the same call ends them.
  await provider.end({ ...launched, ref }, { terminate: true });
  expect(['ending', 'ended']).toContain(await state());
});

test('an active fleet is listed with its run while it waits for capacity, until it is deleted', async () => {
  await using under = await awsUnderTest();
  const { provider, region } = under;
  const activeLaunches = () => provider.account?.setup.activeLaunches();
  expect(await activeLaunches()).toEqual([]);
  region.compute.settings.setCapacity({ market: 'spot' }, 0);
  const ref = await launchOne(under);
  const name = provider.nameOf(ref);
  expect(await provider.machines()).toEqual([]);
  expect(await activeLaunches()).toEqual([{ name, run: RUN }]);
  region.compute.fleets.get(name).tags.delete('runctl:managed');
  expect(await activeLaunches()).toEqual([]);
  region.compute.fleets.get(name).tags.set('runctl:managed', 'true');
  await provider.end({ ...launched, ref }, { terminate: true });
  expect(await activeLaunches()).toEqual([]);
});
