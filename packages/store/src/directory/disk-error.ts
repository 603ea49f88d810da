import { messageOf } from '@runctl/core';
import { StoreError } from '../port/object-store.ts';
import { abortedError } from '../port/semantics.ts';

/** What a failure of the file system is to the store's callers: `denied`, `aborted` or `permanent`; a StoreError stays. */
export function diskError(error: unknown, key: string | null, signal: AbortSignal | undefined): StoreError {
  if (error instanceof StoreError) return error;
  if (signal?.aborted) return abortedError(signal, key);
  const code = (error as NodeJS.ErrnoException).code ?? null;
  const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
  return new StoreError(denied ? 'denied' : 'permanent', messageOf(error), { key, code, cause: error });
}
