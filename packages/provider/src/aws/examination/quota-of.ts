import type { Market } from '@runctl/protocol';

/** One of EC2's quotas as Service Quotas lists it for the account. */
export interface ListedQuota {
  readonly code: string;
  readonly name: string;
  /** Of quotas on instances: vCPUs. */
  readonly value: number;
}

type FamilyClass = 'standard' | 'g' | 'p' | 'p5' | 'trn' | 'inf' | 'dl' | 'f' | 'x';

/**
 * Codes of the vCPU quotas (AWS: "Amazon EC2 On-Demand Instances limits", "Spot Instance limits"; several public lists that
 * agree). Spot and on-demand are separate. On-demand has one quota for all P types.
 */
const CODES: Readonly<Record<Market, Readonly<Partial<Record<FamilyClass, string>>>>> = {
  spot: {
    standard: 'L-34B43A08',
    g: 'L-3819A6DF',
    p: 'L-7212CCBC',
    p5: 'L-C4BD4855',
    trn: 'L-6B0D517C',
    inf: 'L-B5D1601B',
    dl: 'L-85EED4F7',
    f: 'L-88CF9481',
    x: 'L-E3A00192',
  },
  'on-demand': {
    standard: 'L-1216C47A',
    g: 'L-DB2E81BA',
    p: 'L-417A185B',
    p5: 'L-417A185B',
    trn: 'L-2C3B7624',
    inf: 'L-1945791B',
  },
};

const NAMES: Readonly<Record<FamilyClass, string>> = {
  standard: 'Standard (A, C, D, H, I, M, R, T, Z)',
  g: 'G and VT',
  p: 'P4, P3 and P2',
  p5: 'P5',
  trn: 'Trn',
  inf: 'Inf',
  dl: 'DL',
  f: 'F',
  x: 'X',
};

const STANDARD = new Set(['a', 'c', 'd', 'h', 'i', 'im', 'is', 'm', 'r', 't', 'z']);

/** `g5` of `g5.xlarge` is letters `g`, generation 5. */
function familyOf(machineType: string): { readonly letters: string; readonly generation: number } | null {
  const [, letters = '', generation = ''] = /^([a-z]+)(\d+)[a-z0-9-]*\./.exec(machineType) ?? [];
  return letters === '' ? null : { letters, generation: Number(generation) };
}

/** The class that a code is known for; null for families that came after our lists. */
function classOf(machineType: string): FamilyClass | null {
  const family = familyOf(machineType);
  if (family === null) return null;
  const { letters, generation } = family;
  if (STANDARD.has(letters)) return 'standard';
  if (['g', 'gr', 'vt'].includes(letters)) return 'g';
  if (letters === 'p' && generation <= 4) return 'p';
  if (letters === 'p' && generation === 5) return 'p5';
  return (['trn', 'inf', 'dl', 'f', 'x'] as const).find((each) => each === letters) ?? null;
}

/**
 * The quota that a type counts against in a market, from the account's list: by its code where that is known, else by the one
 * name that has the family in it. Null where neither finds exactly one: nothing is guessed.
 */
export function quotaOf(machineType: string, market: Market, listed: readonly ListedQuota[]): ListedQuota | null {
  const known = classOf(machineType);
  const code = known === null ? undefined : CODES[market][known];
  if (code !== undefined) return listed.find((quota) => quota.code === code) ?? null;
  const family = familyOf(machineType);
  if (family === null) return null;
  const ofMarket = market === 'spot' ? /\bSpot Instance Requests?\b/i : /\bOn-Demand\b/i;
  const inMarket = listed.filter(({ name }) => ofMarket.test(name));
  for (const word of [`${family.letters}${family.generation}`, family.letters]) {
    const named = inMarket.filter(({ name }) => new RegExp(`\\b${word}\\b`, 'i').test(name));
    if (named.length > 0) return named.length === 1 ? (named[0] ?? null) : null;
  }
  return null;
}

/** What to do about a quota that is used up, with its name and code where they are known. */
export function quotaHint(machineType: string | null, market: Market): string {
  const known = machineType === null ? null : classOf(machineType);
  const code = known === null ? undefined : CODES[market][known];
  const other = 'spot and on-demand have separate quotas, in vCPUs; another family has another one';
  if (known === null || code === undefined)
    return `ask for a higher ${market} vCPU quota of the family (Service Quotas, EC2); ${other}`;
  const name = market === 'on-demand' && known.startsWith('p') ? 'P' : NAMES[known];
  return `ask for a higher ${market} vCPU quota of ${name} instances: aws service-quotas get-service-quota --service-code ec2 --quota-code ${code} shows it; ${other}`;
}
