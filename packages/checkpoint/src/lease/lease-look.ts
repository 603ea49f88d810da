import { isRunctlError } from '@runctl/core';
import type { CallOptions } from '@runctl/store';
import { holderOf, isLeaseHeld, isOwn, type LeaseAccess, readLease } from './lease-document.ts';
import type { Holder } from './lease-machine.ts';
import type { LeaseIdentity, LeaseMemory } from './lease-memory.ts';

export interface LeaseLookOptions extends LeaseAccess {
  readonly launch: number;
  /** Of this machine. */
  readonly memory: Pick<LeaseMemory, 'load'>;
}

/** Tells a machine which does not hold the lease of its run whether another machine of its launch has it. Writes nothing. */
export class LeaseLook {
  readonly #options: LeaseLookOptions;

  constructor(options: LeaseLookOptions) {
    this.#options = options;
  }

  /** The generation that this machine held last, as its disk tells; null where it held none, or the disk can't tell. */
  async heldLast(): Promise<number | null> {
    return (await this.#remembered())?.generation ?? null;
  }

  /**
   * Whoever took the lease after this machine held it in generation `own`, though it may be gone again; for a machine that
   * held none, whoever holds it now. Null where that is nobody else. Rejects as the store does.
   */
  async otherHolder(own: number | null, call: CallOptions = {}): Promise<Holder | null> {
    const found = await readLease(this.#options, call).catch(noneIfUnreadable);
    if (found.document === null || found.document.launch !== this.#options.launch) return null;
    const remembered = await this.#remembered();
    if (remembered !== null && isOwn(found.document, remembered.nonce)) return null;
    const isOther = own === null ? isLeaseHeld(found) : found.document.generation > own;
    return isOther ? holderOf(found.document) : null;
  }

  #remembered(): Promise<LeaseIdentity | null> {
    return this.#options.memory.load().catch(() => null);
  }
}

/** A machine of this launch would have written what every agent of it can read. */
function noneIfUnreadable(error: unknown): { readonly document: null } {
  if (isRunctlError(error)) return { document: null };
  throw error;
}
