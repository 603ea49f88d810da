import { listingOrder, type KeyIndex } from './key-index.ts';

export interface ListingQuery {
  readonly prefix: string;
  /** Empty for none. */
  readonly delimiter: string;
  /** The page begins after this name; empty for the first page. */
  readonly after: string;
  readonly limit: number;
}

export type ListingItem =
  { readonly kind: 'key'; readonly key: string } | { readonly kind: 'prefix'; readonly prefix: string };

export interface ListingPage {
  readonly items: readonly ListingItem[];
  /** The last name of this page, to go on after; undefined when this page is the last. */
  readonly next: string | undefined;
}

/**
 * One page of names in order, those that share a prefix up to the delimiter rolled into one. `visible` tells whether a key
 * counts (a deleted one does not). Costs the page's size times the logarithm of the bucket's, not what is skipped.
 */
export function listPage(keys: KeyIndex, query: ListingQuery, visible: (key: string) => boolean): ListingPage {
  const { prefix, delimiter, after, limit } = query;
  const items: ListingItem[] = [];
  let position = startOf(keys, query);
  for (let key = keys.at(position); key?.startsWith(prefix) === true; key = keys.at(position)) {
    const common = commonPrefix(key, prefix, delimiter);
    if (!visible(key) || key === after) {
      position += 1;
      continue;
    }
    if (items.length === limit) return { items, next: limit === 0 ? undefined : listedName(items.at(-1)) };
    if (common === undefined) {
      items.push({ kind: 'key', key });
      position += 1;
    } else {
      items.push({ kind: 'prefix', prefix: common });
      position = keys.seekPast(common);
    }
  }
  return { items, next: undefined };
}

function startOf(keys: KeyIndex, { prefix, delimiter, after }: ListingQuery): number {
  if (after === '' || listingOrder(after, prefix) < 0) return keys.seek(prefix);
  // Going on after a rolled-up prefix means after everything below it.
  const isRolledUp = delimiter !== '' && after.startsWith(prefix) && commonPrefix(after, prefix, delimiter) === after;
  return isRolledUp ? keys.seekPast(after) : keys.seek(after);
}

function commonPrefix(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const end = key.indexOf(delimiter, prefix.length);
  return end < 0 ? undefined : key.slice(0, end + delimiter.length);
}

export function listedName(item: ListingItem | undefined): string {
  if (item === undefined) return '';
  return item.kind === 'key' ? item.key : item.prefix;
}
