import type { ObjectStore } from '../port/object-store.ts';
import { type Around, DecoratedStore } from './decorated-store.ts';

/**
 * Puts `around` around every call but listings. It may count a call, delay it, fail it before it takes effect, or let it
 * take effect and lose the answer by throwing after `perform`.
 */
export function intercepted(store: ObjectStore, around: Around): ObjectStore {
  return new DecoratedStore(store, around);
}
