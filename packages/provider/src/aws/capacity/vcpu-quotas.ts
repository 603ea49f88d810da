import type { Market } from '@runctl/protocol';

interface QuotaFamily {
  readonly name: string;
  /** Beginnings of the types' names, up to their first digit or all of it. */
  readonly types: RegExp;
  readonly codes: Readonly<Record<Market, string | null>>;
}

/**
 * Quotas of EC2 are counted in vCPUs, for each group of families and market alone. Codes: AWS's documents and several public
 * lists that agree. A family that is not here is found by its name in the account's list, never guessed.
 */
const FAMILIES: readonly QuotaFamily[] = [
  { name: 'G and VT', types: /^(g|gr|vt)\d/, codes: { spot: 'L-3819A6DF', 'on-demand': 'L-DB2E81BA' } },
  { name: 'P5', types: /^p5/, codes: { spot: 'L-C4BD4855', 'on-demand': 'L-417A185B' } },
  { name: 'P4, P3 and P2', types: /^p[234]/, codes: { spot: 'L-7212CCBC', 'on-demand': 'L-417A185B' } },
  { name: 'Trn', types: /^trn\d/, codes: { spot: 'L-6B0D517C', 'on-demand': 'L-2C3B7624' } },
  { name: 'Inf', types: /^inf\d/, codes: { spot: 'L-B5D1601B', 'on-demand': 'L-1945791B' } },
  { name: 'DL', types: /^dl\d/, codes: { spot: 'L-85EED4F7', 'on-demand': null } },
  { name: 'F', types: /^f\d/, codes: { spot: 'L-88CF9481', 'on-demand': null } },
  { name: 'X', types: /^x\d/, codes: { spot: 'L-E3A00192', 'on-demand': null } },
  {
    name: 'Standard (A, C, D, H, I, M, R, T, Z)',
    types: /^(a|c|d|h|i|is|im|m|r|t|z)\d/,
    codes: { spot: 'L-34B43A08', 'on-demand': 'L-1216C47A' },
  },
];

/** What to do about a quota that is used up, with its name and code where they are known. */
export function quotaHint(machineType: string | null, market: Market): string {
  const family = machineType === null ? undefined : FAMILIES.find(({ types }) => types.test(machineType));
  const code = family?.codes[market] ?? null;
  const other = 'spot and on-demand have separate quotas, in vCPUs; another family has another one';
  if (family === undefined || code === null)
    return `ask for a higher ${market} vCPU quota of the family (Service Quotas, EC2); ${other}`;
  return `ask for a higher ${market} vCPU quota of ${family.name} instances: aws service-quotas get-service-quota --service-code ec2 --quota-code ${code} shows it; ${other}`;
}
