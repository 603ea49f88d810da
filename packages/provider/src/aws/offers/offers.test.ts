import { isRunctlError } from '@runctl/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineNeed, OfferWish } from '../../port/index.ts';
import { awsUnderTest } from '../testing/aws-under-test.ts';

let under: Awaited<ReturnType<typeof awsUnderTest>>;
beforeAll(async () => {
  under = await awsUnderTest();
});
afterAll(() => under[Symbol.asyncDispose]());

const offersOf = (types: string, changes: Partial<OfferWish> = {}) =>
  under.provider.offers({ ...under.wish, machineTypes: types.split(' '), architecture: null, ...changes });

const gpus = (name: string, count: number): MachineNeed => ({
  gpus: { name, count: { least: count, most: count } },
  cpus: null,
  memoryGiB: null,
});

const refusal = async (asked: Promise<unknown>): Promise<string> => {
  const error: unknown = await asked.then(
    () => 'nothing was refused',
    (problem: unknown) => problem,
  );
  return isRunctlError(error) ? `${error.code}: ${error.message} | ${error.hint}` : String(error);
};

describe('which types can be had', () => {
  test.each<[string, string, RegExp]>([
    ['sold on demand alone', 'hpc7g.4xlarge', /^pool-invalid: EC2 does not sell hpc7g\.4xlarge as spot.*--on-demand/],
    ['the smallest that spot lacks', 't2.nano', /^pool-invalid: EC2 does not sell t2\.nano as spot/],
    ['one of several', 'm7i.large u7i-6tb.112xlarge', /EC2 does not sell u7i-6tb\.112xlarge as spot/],
    ['a Mac', 'mac2.metal', /^pool-invalid: mac2\.metal runs no 64-bit Linux \(its processor is arm64_mac\)/],
    ['two architectures', 'g5.xlarge g5g.xlarge', /g5\.xlarge is an x86-64 machine and g5g\.xlarge an ARM one/],
    ['two, the other way round', 'm7g.large c7i.large', /m7g\.large is an ARM machine and c7i\.large an x86-64 one/],
    ['in no zone that we have', 'dl1.24xlarge', /^pool-invalid: no zone with a default subnet offers dl1\.24xlarge/],
    [
      'a slip in the size',
      'g5.xlarg',
      /^instance-type-unknown: .*no instance type g5\.xlarg \| did you mean g5\.xlarge/,
    ],
    ['a slip in the family', 'gr5.xlarge', /^instance-type-unknown: .*did you mean/],
    ['a dash for the dot', 'g5-xlarge', /did you mean g5\.xlarge/],
    ['capitals', 'G5.XLARGE', /no instance type G5\.XLARGE \| did you mean g5\.xlarge/],
    ['one that EC2 has retired', 'p3.2xlarge', /^instance-type-unknown: .*p3\.2xlarge/],
    ['a slip beside a good one', 'g5.xlarge g6.xlarg', /no instance type g6\.xlarg \| did you mean g6\.xlarge/],
    ['two slips', 'g5.xlarg c7i.larg', /no instance type g5\.xlarg, c7i\.larg \| did you mean g5\.xlarge, c7i\.large/],
  ])('refuses %s with what to do', async (_what, types, text) => {
    expect(await refusal(offersOf(types))).toMatch(text);
  });

  test('what spot lacks can be had on demand, at its list price', async () => {
    const offers = await offersOf('hpc7g.4xlarge', { market: 'on-demand' });
    expect(offers).toEqual([
      {
        size: { cpus: 16, memoryGiB: 128, gpus: null },
        machineType: 'hpc7g.4xlarge',
        location: 'us-east-1b',
        market: 'on-demand',
        pricePerHourUsd: 1.6832,
        architecture: 'arm64',
      },
    ]);
  });

  test.each<[string, MachineNeed, OfferWish['market'], readonly string[]]>([
    ['one A10G', gpus('A10G', 1), 'spot', ['g5.xlarge', 'g5.2xlarge', 'g5.4xlarge', 'g5.8xlarge', 'g5.16xlarge']],
    ['eight A10G', gpus('A10G', 8), 'spot', ['g5.48xlarge']],
    ['Trainium', gpus('Trainium', 16), 'on-demand', ['trn1.32xlarge', 'trn1n.32xlarge']],
    ['a GPU of AMD', gpus('AMD Radeon Pro V520', 4), 'spot', ['g4ad.16xlarge']],
  ])('finds all types with %s', async (_what, need, market, expected) => {
    const offers = await under.provider.offers({ ...under.wish, machineTypes: [], need, market });
    expect([...new Set(offers.map(({ machineType }) => machineType))].toSorted()).toEqual(expected.toSorted());
  });

  test('keeps the cheapest twenty of many, and leaves bare metal out', async () => {
    const need = { gpus: null, cpus: { least: 2, most: null }, memoryGiB: null };
    const offers = await under.provider.offers({ ...under.wish, machineTypes: [], need });
    const types = new Set(offers.map(({ machineType }) => machineType));
    expect(types.size).toBe(20);
    expect([...types].filter((type) => type.includes('metal'))).toEqual([]);
    for (const { size } of offers) expect(size?.cpus).toBeGreaterThanOrEqual(2);
  });

  test.each<[string, MachineNeed, RegExp]>([
    ['a GPU with a slip', gpus('A10GG', 1), /has A10GG:1 \| did you mean A10G\?/],
    ['a GPU that nobody knows', gpus('Voodoo', 1), /has Voodoo:1 \| there are A100, A10G/],
    ['more than there is', gpus('A10G', 3), /^pool-invalid: no x86_64 type .* has A10G:3 \| ask for less/],
  ])('refuses %s', async (_what, need, text) => {
    expect(await refusal(under.provider.offers({ ...under.wish, machineTypes: [], need }))).toMatch(text);
  });

  test('refuses a named type that lacks what is needed', async () => {
    const need = { gpus: null, cpus: { least: 8, most: null }, memoryGiB: null };
    const text = /g5\.xlarge has 4 vCPUs, and 8\+ vCPUs is asked for/;
    expect(await refusal(offersOf('g5.xlarge', { need }))).toMatch(text);
  });

  test('a type that is named twice is offered once', async () => {
    expect(await offersOf('m7i.large m7i.large')).toHaveLength(3);
  });

  test('chooses ARM types with a GPU where that is asked for and none is named', async () => {
    const offers = await under.provider.offers({ ...under.wish, machineTypes: [], architecture: 'arm64' });
    for (const { architecture, machineType } of offers)
      expect(`${architecture} ${machineType}`).toMatch(/^arm64 g5g\./);
  });

  test.each(['g4ad.xlarge', 'p3dn.24xlarge', 'g6f.large'])(
    'no image is known for %s, unless one is named',
    async (type) => {
      const wish = { ...under.wish, machineTypes: [type] };
      const offers = await under.provider.offers(wish);
      expect(await refusal(under.provider.target(wish, offers))).toMatch(/^config-invalid: .*--ami/);
      const named = { ...wish, image: 'ami-0123456789abcdef0' };
      expect(await under.provider.target(named, offers)).toMatchObject({ imageId: named.image });
    },
  );

  test.each(['inf2.xlarge', 'trn1.2xlarge'])('the image of %s is that of Neuron', async (type) => {
    const wish = { ...under.wish, machineTypes: [type] };
    const offers = await under.provider.offers(wish);
    expect(await under.provider.target(wish, offers)).toMatchObject({ imageId: 'ami-0123456789abcdef0' });
    const nvidia = '/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id';
    expect(await refusal(under.provider.target({ ...wish, image: nvidia }, offers))).toMatch(/is made for NVIDIA GPUs/);
  });

  test('an ARM image on x86-64 types is refused before anything is made', async () => {
    const offers = await under.provider.offers(under.wish);
    const asked = under.provider.target({ ...under.wish, image: 'ami-0123456789abcdef1' }, offers);
    expect(await refusal(asked)).toMatch(
      /^config-invalid: the image ami-\w+ is for arm64, the instance types are x86_64/,
    );
  });
});

test('tells where the price of each offer has been, and of no other', async () => {
  const spot = await under.provider.offers({ ...under.wish, machineTypes: ['g5.xlarge', 'g7e.2xlarge'] });
  const [onDemand] = await under.provider.offers({ ...under.wish, market: 'on-demand' });
  const unknown = { machineType: 'g99.xlarge', location: 'us-east-1a', market: 'spot', pricePerHourUsd: null };
  const offers = [...spot, onDemand!, unknown];
  const ranges = (await under.provider.prices?.ranges(offers, under.nowMs() - 90 * 86_400_000)) ?? [];
  expect(ranges).toHaveLength(offers.length);
  for (const [at, { pricePerHourUsd }] of spot.entries()) {
    const { highUsd = 0, lowUsd = Infinity } = ranges[at] ?? {};
    expect(lowUsd).toBeLessThan(highUsd);
    expect(pricePerHourUsd).toBeGreaterThanOrEqual(lowUsd);
    expect(pricePerHourUsd).toBeLessThanOrEqual(highUsd);
  }
  const list = onDemand?.pricePerHourUsd;
  expect(ranges.slice(-2)).toEqual([{ lowUsd: list, highUsd: list }, null]);
});

describe('what a machine costs on demand', () => {
  const priced = async () => {
    const [offer] = await offersOf('g5.xlarge', { market: 'on-demand' });
    return [offer?.pricePerHourUsd, offer?.listedAt];
  };

  test('is what AWS tells', async () => {
    expect(await priced()).toEqual([1.006, undefined]);
  });

  test.each(['AccessDeniedException', 'InvalidParameterException', 'InternalError'])(
    'is of a list with a date where AWS does not tell: %s',
    async (code) => {
      under.region.compute.settings.failNext('GetProducts', code, { times: 4 });
      expect(await priced()).toEqual([1.006, '2026-07-20']);
      under.region.compute.settings.clearFailures();
      expect(await priced()).toEqual([1.006, undefined]);
    },
  );
});
