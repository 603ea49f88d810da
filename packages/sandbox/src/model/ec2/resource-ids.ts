import { randomBytes, randomUUID } from 'node:crypto';

/** `i-0…`, `lt-0…`, `vol-0…`: the prefix, a zero and 16 hexadecimal digits, as EC2's long ids are. */
export function newResourceId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

export function newFleetId(): string {
  return `fleet-${randomUUID()}`;
}

/** `sir-` and eight characters of a-z0-9. */
export function newSpotRequestId(): string {
  return `sir-${Array.from(randomBytes(8), (byte) => (byte % 36).toString(36)).join('')}`;
}

/** The first characters of an id say what it names; `null` for an unknown kind. */
export function resourceTypeOf(id: string): string | null {
  const prefixes: ReadonlyArray<readonly [string, string]> = [
    ['i-', 'instance'],
    ['vol-', 'volume'],
    ['fleet-', 'fleet'],
    ['lt-', 'launch-template'],
    ['sir-', 'spot-instances-request'],
    ['subnet-', 'subnet'],
    ['vpc-', 'vpc'],
    ['sg-', 'security-group'],
    ['ami-', 'image'],
  ];
  return prefixes.find(([prefix]) => id.startsWith(prefix))?.[1] ?? null;
}
