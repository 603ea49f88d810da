import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { systemClock } from '@runctl/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listedPrices, onDemandPrices } from './prices.ts';

interface Asked {
  readonly region: string | undefined;
  readonly filters: Readonly<Record<string, string>>;
  readonly token: string | undefined;
}

const asked: Asked[] = [];
let answer: (asked: Asked) => unknown = () => ({ PriceList: [] });
/** A price list that answers what a test wants. */
const server = createServer((request, response) => {
  const respond = async (): Promise<void> => {
    const input = JSON.parse(await text(request)) as {
      Filters: Array<{ Field: string; Value: string }>;
      NextToken?: string;
    };
    const filters = Object.fromEntries(input.Filters.map(({ Field, Value }) => [Field, Value]));
    const region = /\/\d{8}\/([^/]+)\/pricing\//.exec(request.headers.authorization ?? '')?.[1];
    const one = { region, filters, token: input.NextToken };
    asked.push(one);
    const content = answer(one);
    response.end(typeof content === 'string' ? content : JSON.stringify(content));
  };
  void respond();
});

beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'));
afterAll(() => server.close());

async function prices(region: string, machineTypes: readonly string[]) {
  asked.length = 0;
  const access = {
    region,
    endpoints: { pricing: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  };
  return Object.fromEntries(await onDemandPrices({ access, clock: systemClock })(machineTypes));
}

type Term = Readonly<Record<string, unknown>>;
const dimension = (unit: string, pricePerUnit: Term): Term => ({ rate: { unit, pricePerUnit } });
const entry = (instanceType: string, ...terms: readonly Term[]): string =>
  JSON.stringify({
    product: { productFamily: 'Compute Instance', attributes: { instanceType, vcpu: '4' }, sku: 'S' },
    serviceCode: 'AmazonEC2',
    terms: { OnDemand: Object.fromEntries(terms.map((priceDimensions, at) => [`S.${at}`, { priceDimensions }])) },
  });
const costs = (instanceType: string, usd: number): string =>
  entry(instanceType, dimension('Hrs', { USD: usd.toFixed(10) }));

describe('list prices', () => {
  test('are asked for Linux on a shared machine, type by type, in the region that is meant', async () => {
    answer = ({ filters }) => ({ PriceList: [costs(filters['instanceType'] ?? '', 1.258)] });
    expect(await prices('eu-central-1', ['g5.xlarge', 'g6.xlarge'])).toEqual({
      'g5.xlarge': { usd: 1.258, listedAt: null },
      'g6.xlarge': { usd: 1.258, listedAt: null },
    });
    expect(asked.map(({ filters }) => filters)).toContainEqual({
      regionCode: 'eu-central-1',
      instanceType: 'g5.xlarge',
      operatingSystem: 'Linux',
      preInstalledSw: 'NA',
      tenancy: 'Shared',
      capacitystatus: 'Used',
      marketoption: 'OnDemand',
    });
  });

  test.each([
    ['us-west-2', 'us-east-1'],
    ['sa-east-1', 'us-east-1'],
    ['ca-central-1', 'us-east-1'],
    ['mx-central-1', 'us-east-1'],
    ['eu-north-1', 'eu-central-1'],
    ['il-central-1', 'eu-central-1'],
    ['af-south-1', 'eu-central-1'],
    ['me-south-1', 'eu-central-1'],
    ['ap-northeast-1', 'ap-south-1'],
    ['ap-southeast-2', 'ap-south-1'],
  ])('of %s are asked in %s', async (region, at) => {
    await prices(region, ['g5.xlarge']);
    expect(asked).toMatchObject([{ region: at, filters: { regionCode: region } }]);
  });

  test.each(['us-gov-west-1', 'cn-north-1', 'us-iso-east-1', 'eusc-de-east-1'])(
    'of %s are not asked for',
    async (region) => {
      const known = await prices(region, ['g4dn.xlarge']);
      expect(asked).toEqual([]);
      expect(Object.keys(known)).toEqual(region.startsWith('us-gov-') ? ['g4dn.xlarge'] : []);
    },
  );

  test('are read page by page, and all at once for many types', async () => {
    const types = Array.from({ length: 30 }, (_, at) => `x${at}.large`);
    answer = ({ token }) => {
      const from = Number(token ?? 0);
      const next = from + 12 < types.length ? { NextToken: String(from + 12) } : {};
      return { PriceList: types.slice(from, from + 12).map((type) => costs(type, 2)), ...next };
    };
    expect(Object.keys(await prices('eu-west-1', types))).toHaveLength(30);
    expect(asked.map(({ filters, token }) => [filters['instanceType'], token])).toEqual([
      [undefined, undefined],
      [undefined, '12'],
      [undefined, '24'],
    ]);
  });

  test.each<[string, unknown, number | null]>([
    ['nothing', { PriceList: [] }, null],
    ['no list at all', {}, null],
    ['no JSON', 'a login page', null],
    ['an entry that is none', { PriceList: ['{'] }, null],
    ['another currency', { PriceList: [entry('g5.xlarge', dimension('Hrs', { CNY: '9.1' }))] }, null],
    ['a price of nothing', { PriceList: [costs('g5.xlarge', 0)] }, null],
    ['a price that is none', { PriceList: [entry('g5.xlarge', dimension('Hrs', { USD: 'free' }))] }, null],
    ['another unit', { PriceList: [entry('g5.xlarge', dimension('Quantity', { USD: '7000' }))] }, null],
    ['no terms', { PriceList: [entry('g5.xlarge')] }, null],
    [
      'reservations alone',
      {
        PriceList: [
          JSON.stringify({ product: { attributes: { instanceType: 'g5.xlarge' } }, terms: { Reserved: {} } }),
        ],
      },
      null,
    ],
    ['two prices', { PriceList: [costs('g5.xlarge', 1.2), costs('g5.xlarge', 1.3), costs('g5.xlarge', 1.1)] }, 1.3],
    ['another type beside it', { PriceList: [costs('g5.2xlarge', 9), costs('g5.xlarge', 1.2)] }, 1.2],
  ])('of a service that says %s', async (_what, content, usd) => {
    answer = () => content;
    const known = await prices('eu-central-1', ['g5.xlarge']);
    expect(known['g5.xlarge']).toEqual(usd === null ? undefined : { usd, listedAt: null });
  });

  test('are of the list for what AWS does not tell', async () => {
    answer = ({ filters }) => ({ PriceList: filters['instanceType'] === 'g6.xlarge' ? [costs('g6.xlarge', 0.9)] : [] });
    expect(await prices('us-east-1', ['g5.xlarge', 'g6.xlarge', 'g99.xlarge', 'constructor'])).toEqual({
      'g5.xlarge': { usd: 1.006, listedAt: '2026-07-20' },
      'g6.xlarge': { usd: 0.9, listedAt: null },
    });
  });

  test('of the list are those of its regions', async () => {
    const known = await listedPrices('us-gov-west-1', ['g4dn.xlarge']);
    expect(known.get('g4dn.xlarge')?.usd).toBeGreaterThan(0.526);
    expect(await listedPrices('eu-central-1', ['g5.xlarge'])).toEqual(new Map());
  });
});
