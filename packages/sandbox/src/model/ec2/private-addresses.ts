import { AwsError } from '../aws-error.ts';

/** Addresses that instances may have: 10.77.0.11 to 10.77.0.250. */
const firstHost = 11;
const hostCount = 240;

/** EC2's name of a host, which levels with a network of their own take its address from. */
export function hostNameOf(address: string): string {
  return `ip-${address.replaceAll('.', '-')}`;
}

/** Gives out the private addresses of the region's network. */
export class PrivateAddresses {
  #next = 0;

  /** An address whose host name is not `taken`; one that was freed rests as long as others are free. */
  take(taken: ReadonlySet<string>): string {
    for (let tries = 0; tries < hostCount; tries++) {
      const address = `10.77.0.${firstHost + (this.#next++ % hostCount)}`;
      if (!taken.has(hostNameOf(address))) return address;
    }
    throw new AwsError('InsufficientFreeAddressesInSubnet', 'There are no free addresses left in the subnet.');
  }
}
