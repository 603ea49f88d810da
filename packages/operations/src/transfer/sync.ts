import { RunctlError } from '@runctl/core';
import type { TransferEvent, TransferResult } from '@runctl/protocol/events';
import { gatherSync, type GatherOptions } from './gather.ts';
import { transfer, type TreeTransferOptions } from './transfer.ts';

/** Errors: `usage` for wishes that exclude each other. */
export function checkSync({ direction, prefer, deleteOthers }: SyncWish): void {
  if (prefer !== undefined && direction !== 'both')
    throw new RunctlError('usage', `--prefer needs --direction both: with ${direction} the source is right`);
  if (deleteOthers === true && direction === 'both')
    throw new RunctlError('usage', '--delete needs one source: --direction up or down');
}

type SyncWish = Pick<TreeTransferOptions, 'direction' | 'prefer' | 'deleteOthers'>;

/**
 * Makes passes that bring both sides together, or rehearse it; what one pass has compared the next does not compare again.
 * Errors: those of `gatherSync` and `transfer`.
 */
export function syncPasses(
  options: Omit<GatherOptions & TreeTransferOptions, 'dryRun' | 'known'>,
): (dryRun: boolean) => Promise<AsyncGenerator<TransferEvent, TransferResult>> {
  const known = new Map();
  return async (dryRun) => transfer(await gatherSync({ ...options, dryRun }), { ...options, dryRun, known });
}
