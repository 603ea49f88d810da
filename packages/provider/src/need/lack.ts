import type { MachineSize } from '@runctl/protocol';
import type { CountRange, MachineNeed } from '../port/index.ts';

/** What of a need a machine lacks, for people: `4 vCPUs`; null when it has it all. */
export function lackOf(size: MachineSize, need: MachineNeed): string | null {
  const { cpus, gpus, memoryGiB } = need;
  if (gpus !== null && !hasGpus(size, gpus)) return gpuText(size.gpus);
  if (cpus !== null && !isWithin(size.cpus, cpus)) return `${size.cpus} vCPUs`;
  if (memoryGiB !== null && !isWithin(size.memoryGiB, memoryGiB)) return `${size.memoryGiB} GiB of memory`;
  return null;
}

function hasGpus({ gpus }: MachineSize, wanted: NonNullable<MachineNeed['gpus']>): boolean {
  if (gpus === null) return false;
  const isNamed = wanted.name === null || wanted.name.toLowerCase() === gpus.name.toLowerCase();
  return isNamed && isWithin(gpus.count, wanted.count);
}

function isWithin(value: number, { least, most }: CountRange): boolean {
  return value >= least && (most === null || value <= most);
}

/** The need as people write it: `A10G:1, 8+ vCPUs`. */
export function needText({ cpus, gpus, memoryGiB }: MachineNeed): string {
  const parts = [
    gpus === null ? null : `${gpus.name ?? 'accelerators'}:${amountText(gpus.count)}`,
    cpus === null ? null : `${amountText(cpus)} vCPUs`,
    memoryGiB === null ? null : `${amountText(memoryGiB)} GiB of memory`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function amountText({ least, most }: CountRange): string {
  return most === null ? `${least}+` : String(least);
}

function gpuText(gpus: MachineSize['gpus']): string {
  return gpus === null ? 'no accelerator' : `${gpus.count} × ${gpus.name}`;
}
