import type { ObjectStore } from '../port/object-store.ts';
import { type Around, DecoratedStore } from './decorated-store.ts';

/**
 * For tests and simulations: `around` may delay a call, fail it before it takes effect, or let it take effect and lose the
 * answer by throwing after `perform`.
 */
export function intercepted(store: ObjectStore, around: Around): ObjectStore {
  return new DecoratedStore(store, around);
}
