import type { InstanceTypeInfo } from '@aws-sdk/client-ec2';
import { isRunctlError } from '@runctl/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MachineNeed, OfferWish } from '../../port/index.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';
import { fittingTypes } from './needed-types.ts';
import { factsOf } from './type-facts.ts';

let under: Awaited<ReturnType<typeof awsUnderTest>>;
beforeAll(async () => {
  under = await awsUnderTest();
});
afterAll(() => under[Symbol.asyncDispose]());

const from = (least: number) => ({ least, most: null });
const just = (count: number) => ({ least: count, most: count });
const gpus = (count: ReturnType<typeof from> | ReturnType<typeof just>, name: string | null = null) => ({
  name,
  count,
});
const needOf = (need: Partial<MachineNeed>): MachineNeed => ({ gpus: null, cpus: null, memoryGiB: null, ...need });

test.each<[string, Partial<MachineNeed>, Partial<OfferWish>]>([
  ['--cpus 8+ --memory 32+', { cpus: from(8), memoryGiB: from(32) }, {}],
  ['--gpus 1', { gpus: gpus(just(1)) }, {}],
  ['--gpus 1+', { gpus: gpus(from(1)) }, {}],
  ['--gpus 2 --on-demand', { gpus: gpus(just(2)) }, { market: 'on-demand' }],
  ['--gpus 4', { gpus: gpus(just(4)) }, {}],
  ['--gpus 8+', { gpus: gpus(from(8)) }, {}],
  ['--gpus 1 --cpus 16+', { gpus: gpus(just(1)), cpus: from(16) }, {}],
  ['--gpus 1 --arch arm64', { gpus: gpus(just(1)) }, { architecture: 'arm64' }],
  ['--cpus 2+ --on-demand', { cpus: from(2) }, { market: 'on-demand' }],
  ['--cpus 96+', { cpus: from(96) }, {}],
  ['--cpus 4+ --arch arm64', { cpus: from(4) }, { architecture: 'arm64' }],
  ['--memory 8+ --on-demand', { memoryGiB: from(8) }, { market: 'on-demand' }],
  ['--cpus 24+ --memory 64+', { cpus: from(24), memoryGiB: from(64) }, {}],
  ['--gpus Inferentia2:1+', { gpus: gpus(from(1), 'Inferentia2') }, { market: 'on-demand' }],
])('what is chosen for %s has an image', async (_flags, need, changes) => {
  const wish = { ...under.wish, machineTypes: [], architecture: null, need: needOf(need), ...changes };
  const offers = await under.provider.offers(wish);
  expect(offers).not.toEqual([]);
  await expect(under.provider.target(wish, offers)).resolves.toMatchObject({ imageId: expect.any(String) as string });
});

test('who asks for no accelerator gets none, and a number alone means GPUs of NVIDIA', async () => {
  const chosen = async (need: Partial<MachineNeed>) =>
    (await under.provider.offers({ ...under.wish, machineTypes: [], need: needOf(need) })).map(
      ({ size }) => size?.gpus,
    );
  expect(new Set(await chosen({ cpus: from(8) }))).toEqual(new Set([null]));
  // The twenty cheapest: an H100 is none of them.
  const names = new Set((await chosen({ gpus: gpus(just(1)) })).map((each) => each?.name));
  expect(names).toEqual(new Set(['A10G', 'L4', 'L40S', 'RTX PRO 4500', 'RTX PRO Server 6000', 'T4']));
});

test('a number that no GPU of NVIDIA has is refused with the names of those that have it', async () => {
  const wish = {
    ...under.wish,
    machineTypes: [],
    need: needOf({ gpus: gpus(just(16)) }),
    market: 'on-demand' as const,
  };
  const error: unknown = await under.provider.offers(wish).catch((problem: unknown) => problem);
  if (!isRunctlError(error, 'pool-invalid')) throw error;
  expect(error.hint).toMatch(/a number alone means GPUs of NVIDIA .*Trainium/);
});

const described = (members: Partial<InstanceTypeInfo>) =>
  factsOf({
    InstanceType: 'm7i.large',
    ProcessorInfo: { SupportedArchitectures: ['x86_64'] },
    VCpuInfo: { DefaultVCpus: 4 },
    MemoryInfo: { SizeInMiB: 16_384 },
    ...members,
  });
const gpu = (Name: string, Count = 1): Partial<InstanceTypeInfo> => ({
  GpuInfo: { Gpus: [{ Name, Manufacturer: 'NVIDIA', Count }] },
});

test.each<[string, Partial<InstanceTypeInfo>, Partial<MachineNeed>, boolean]>([
  ['a plain type', {}, { cpus: from(4) }, true],
  [
    'one that boots both kinds of images',
    { SupportedVirtualizationTypes: ['hvm', 'paravirtual'] },
    { cpus: from(4) },
    true,
  ],
  ['one of before HVM, such as m1', { SupportedVirtualizationTypes: ['paravirtual'] }, { cpus: from(4) }, false],
  ['bare metal', { BareMetal: true }, { cpus: from(4) }, false],
  ['a share of a GPU for who asks for none', gpu('L4', 0), { cpus: from(4) }, false],
  ['a share of a GPU for who asks for one', gpu('L4', 0), { gpus: gpus(from(1)) }, false],
  ['a GPU from before Turing for a number', gpu('V100'), { gpus: gpus(just(1)) }, false],
  ['the oldest of them', gpu('K520'), { gpus: gpus(just(1)) }, false],
  ['a GPU from before Turing by its name', gpu('V100'), { gpus: gpus(just(1), 'V100') }, true],
  ['a GPU for a number', gpu('A10G'), { gpus: gpus(just(1)) }, true],
])('%s is taken or not: %#', (_what, members, need, isTaken) => {
  expect(fittingTypes([described(members)], needOf(need))).toHaveLength(isTaken ? 1 : 0);
});
