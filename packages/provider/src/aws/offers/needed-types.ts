import type { EC2Client } from '@aws-sdk/client-ec2';
import { RunctlError, nearest } from '@runctl/core';
import { lackOf, needText } from '../../need/lack.ts';
import type { MachineNeed, OfferWish } from '../../port/index.ts';
import { needsOlderDriver, typesSold, type TypeFacts } from './type-facts.ts';

/**
 * All types that have what is needed and are sold in the market. Errors: `pool-invalid` where there is none, with the nearest
 * name of an accelerator.
 */
export async function neededTypes(
  client: EC2Client,
  need: MachineNeed,
  { architecture, market }: Pick<OfferWish, 'architecture' | 'market'>,
): Promise<readonly TypeFacts[]> {
  const processor = architecture === 'arm64' ? 'arm64' : 'x86_64';
  const sold = await typesSold(client, { processor, usageClass: market });
  const fitting = fittingTypes(sold, need);
  if (fitting.length > 0) return fitting;
  throw new RunctlError('pool-invalid', `no ${processor} type that EC2 sells as ${market} here has ${needText(need)}`, {
    hint: nearName(need, sold) ?? otherKinds(need, sold) ?? 'ask for less, with a plus for "or more": --cpus 8+',
  });
}

/** Those that have what is needed and boot the default image. Bare metal is left out, which takes many minutes to boot. */
export function fittingTypes(types: readonly TypeFacts[], need: MachineNeed): readonly TypeFacts[] {
  return types.filter(
    (type) => type.isHvm && !type.isBareMetal && lackOf(type.size, need) === null && isMeant(type, need.gpus),
  );
}

/**
 * One launch has one image, so that only a name may stand for an accelerator of another kind: who asks for none gets none, and
 * a number alone means GPUs that the default image serves.
 */
function isMeant({ accelerator }: TypeFacts, gpus: MachineNeed['gpus']): boolean {
  if (gpus === null) return accelerator.kind === 'none';
  return gpus.name !== null || (accelerator.kind === 'nvidia' && !needsOlderDriver(accelerator));
}

/** For a number alone, which leaves out what has to be named. */
function otherKinds(need: MachineNeed, types: readonly TypeFacts[]): string | null {
  if (need.gpus === null || need.gpus.name !== null) return null;
  const fitting = types.filter(({ size }) => lackOf(size, need) === null);
  const names = [...new Set(fitting.flatMap(({ size }) => size.gpus?.name ?? []))].toSorted();
  if (names.length === 0) return null;
  return `a number alone means GPUs of NVIDIA that the default image serves; name another: ${names.join(', ')}`;
}

function nearName({ gpus }: MachineNeed, types: readonly TypeFacts[]): string | null {
  const names = new Set(types.flatMap(({ size }) => size.gpus?.name ?? []));
  if (gpus === null || gpus.name === null || [...names].some((name) => isSame(name, gpus.name ?? ''))) return null;
  const close = nearest(gpus.name.toUpperCase(), names);
  return close === null ? `there are ${[...names].toSorted().join(', ')}` : `did you mean ${close}?`;
}

const isSame = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

/** Errors: `pool-invalid` for a named type that lacks what is needed. */
export function refuseLacking(types: readonly TypeFacts[], need: MachineNeed): void {
  for (const { machineType, size } of types) {
    const lack = lackOf(size, need);
    if (lack !== null)
      throw new RunctlError('pool-invalid', `${machineType} has ${lack}, and ${needText(need)} is asked for`, {
        hint: 'leave --instance-type out for all types that have it, or name another',
      });
  }
}
