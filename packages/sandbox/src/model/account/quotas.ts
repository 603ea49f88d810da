import { AwsError } from '../aws-error.ts';

export interface Quota {
  readonly code: string;
  readonly name: string;
  readonly value: number;
}

/**
 * vCPU quotas of EC2 by code and name as an account's list has them; the values are our choice, ample. AWS starts new
 * accounts with 0 for most families of accelerators (EC2 user guide, "Spot Instance quotas", "On-Demand Instance quotas").
 */
const initial: readonly Quota[] = [
  { code: 'L-1216C47A', name: 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances', value: 1000 },
  { code: 'L-34B43A08', name: 'All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests', value: 1000 },
  { code: 'L-DB2E81BA', name: 'Running On-Demand G and VT instances', value: 1000 },
  { code: 'L-3819A6DF', name: 'All G and VT Spot Instance Requests', value: 1000 },
  { code: 'L-417A185B', name: 'Running On-Demand P instances', value: 1000 },
  { code: 'L-7212CCBC', name: 'All P4, P3 and P2 Spot Instance Requests', value: 1000 },
  { code: 'L-C4BD4855', name: 'All P5 Spot Instance Requests', value: 1000 },
];

/** The account's quotas of EC2, which launches are not held to. */
export class Quotas {
  readonly #quotas = new Map(initial.map((quota) => [quota.code, quota]));

  list(): readonly Quota[] {
    return [...this.#quotas.values()];
  }

  /** Throws NoSuchResourceException. */
  get(code: string): Quota {
    const quota = this.#quotas.get(code);
    if (quota !== undefined) return quota;
    throw new AwsError(
      'NoSuchResourceException',
      'The request failed because the specified service quota does not exist.',
    );
  }

  /** A code that was unknown comes with its name. */
  set(quota: Quota): void {
    this.#quotas.set(quota.code, quota);
  }
}
