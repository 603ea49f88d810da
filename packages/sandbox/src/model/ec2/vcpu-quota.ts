/** Families that share a vCPU quota (Service Quotas, EC2): each has one for spot and another for on-demand. */
type QuotaFamily = 'standard' | 'g-vt' | 'p' | 'p5' | 'trn' | 'inf' | 'dl' | 'f' | 'x';

const BEGINNINGS: readonly (readonly [RegExp, QuotaFamily])[] = [
  [/^(g|gr|vt)\d/, 'g-vt'],
  [/^p5/, 'p5'],
  [/^p\d/, 'p'],
  [/^trn\d/, 'trn'],
  [/^inf\d/, 'inf'],
  [/^dl\d/, 'dl'],
  [/^f\d/, 'f'],
  [/^x\d/, 'x'],
];

export function quotaFamilyOf(typeName: string): QuotaFamily {
  return BEGINNINGS.find(([beginning]) => beginning.test(typeName))?.[1] ?? 'standard';
}

interface Quota {
  readonly market: 'spot' | 'on-demand';
  readonly family: QuotaFamily;
}

/** vCPUs that instances of a family and market may have together; without limit unless one is set. */
export class VcpuQuotas {
  readonly #vcpus = new Map<string, number>();

  set({ market, family }: Quota, vcpus: number | null): void {
    if (vcpus === null) this.#vcpus.delete(`${market} ${family}`);
    else this.#vcpus.set(`${market} ${family}`, vcpus);
  }

  of({ market, family }: Quota): number | null {
    return this.#vcpus.get(`${market} ${family}`) ?? null;
  }
}
