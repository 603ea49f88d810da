import { describe, expect, test } from 'vitest';
import { quotaHint, quotaOf, type ListedQuota } from './quota-of.ts';

const listed: readonly ListedQuota[] = [
  { code: 'L-1216C47A', name: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances', value: 5 },
  { code: 'L-34B43A08', name: 'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests', value: 32 },
  { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances', value: 8 },
  { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests', value: 0 },
  { code: 'L-417A185B', name: 'Running On-Demand P instances', value: 96 },
  { code: 'L-7212CCBC', name: 'All P4, P3 and P2 Spot Instance Requests', value: 0 },
  { code: 'L-C4BD4855', name: 'All P5 Spot Instance Requests', value: 0 },
  { code: 'L-6B0D517C', name: 'All Trn Spot Instance Requests', value: 0 },
  { code: 'L-NEW00001', name: 'All P6 Spot Instance Requests', value: 192 },
  { code: 'L-NEW00002', name: 'Running On-Demand HPC instances', value: 7 },
  { code: 'L-VPC', name: 'EC2-VPC Elastic IPs', value: 5 },
];

const codeFor = (type: string, market: 'spot' | 'on-demand'): string | null =>
  quotaOf(type, market, listed)?.code ?? null;

describe('the quota that a type counts against', () => {
  test.each([
    ['g5.xlarge', 'spot', 'L-3819A6DF'],
    ['g5.xlarge', 'on-demand', 'L-DB2E81BA'],
    ['gr6.4xlarge', 'spot', 'L-3819A6DF'],
    ['g6e.xlarge', 'spot', 'L-3819A6DF'],
    ['g7e.2xlarge', 'on-demand', 'L-DB2E81BA'],
    ['vt1.3xlarge', 'spot', 'L-3819A6DF'],
    ['m7i.large', 'on-demand', 'L-1216C47A'],
    ['c7i-flex.large', 'spot', 'L-34B43A08'],
    ['im4gn.large', 'spot', 'L-34B43A08'],
    ['i4i.large', 'spot', 'L-34B43A08'],
    ['p4d.24xlarge', 'spot', 'L-7212CCBC'],
    ['p5en.48xlarge', 'spot', 'L-C4BD4855'],
    ['p5.48xlarge', 'on-demand', 'L-417A185B'],
    ['trn1n.32xlarge', 'spot', 'L-6B0D517C'],
  ] as const)('%s, %s: by code', (type, market, code) => {
    expect(codeFor(type, market)).toBe(code);
  });

  test("of a newer family is found by name in the account's list", () => {
    expect(codeFor('p6-b200.48xlarge', 'spot')).toBe('L-NEW00001');
    expect(codeFor('hpc7g.4xlarge', 'on-demand')).toBe('L-NEW00002');
  });

  test.each([
    ['inf2.xlarge', 'spot', 'its known quota is not in the list'],
    ['u7i-12tb.224xlarge', 'spot', 'no name has the family'],
    ['trn2.48xlarge', 'on-demand', 'its known quota is not in the list'],
    ['nonsense', 'spot', 'no family'],
    ['hpc7g.4xlarge', 'spot', 'its name is of the other market'],
  ] as const)('%s, %s is unknown: %s', (type, market, _why) => {
    expect(codeFor(type, market)).toBeNull();
  });

  test('is unknown where two names would fit', () => {
    const two = [...listed, { code: 'L-NEW00003', name: 'All P6 UltraServer Spot Instance Requests', value: 1 }];
    expect(quotaOf('p6-b200.48xlarge', 'spot', two)).toBeNull();
  });
});

describe('what to do about a quota that is used up', () => {
  const types = ['g5.xlarge', 'vt1.3xlarge', 'p3.2xlarge', 'p5.48xlarge', 'm7i.large', 'c7i-flex.large'];
  test.each(types.flatMap((type) => (['spot', 'on-demand'] as const).map((market) => [type, market] as const)))(
    'names the quota that %s counts against as %s',
    (type, market) => {
      expect(quotaHint(type, market)).toContain(`--quota-code ${codeFor(type, market)} `);
    },
  );

  test('names one of on-demand as the account lists it', () => {
    expect(quotaHint('p5.48xlarge', 'on-demand')).toContain('quota of P instances');
    expect(quotaHint('p5.48xlarge', 'spot')).toContain('quota of P5 instances');
  });

  test.each([null, 'p6-b200.48xlarge', 'x2idn.16xlarge', 'no type'])('guesses no code for %s', (type) => {
    expect(quotaHint(type, 'on-demand')).toMatch(/of the family \(Service Quotas, EC2\)/);
  });
});
