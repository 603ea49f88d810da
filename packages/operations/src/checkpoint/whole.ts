import { RunctlError } from '@runctl/core';

/** Errors: `checkpoint-damaged`, with the names of checkpoints that are not as they were saved, where there are any. */
export function assertWhole(damaged: readonly string[]): void {
  if (damaged.length === 0) return;
  throw new RunctlError('checkpoint-damaged', `not whole: ${damaged.join(', ')}`, {
    hint: 'a resume goes back to the newest one that is whole',
  });
}
