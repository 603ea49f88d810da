import { AwsError } from '../../model/aws-error.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

/** Values of a resource under a filter's name; null for a filter that the resource type does not have. */
export type FilterValues = (name: string) => readonly string[] | null;

/** A filter value as a pattern: `*` any text, `?` one character, `\` takes the next literally. */
function pattern(value: string): RegExp {
  const source = value.replaceAll(/\\?[\s\S]/g, (token) => {
    if (token === '*') return '.*';
    if (token === '?') return '.';
    return token.replace(/^\\(?=.)/, '').replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source}$`, 's');
}

/** Values of a tag filter (`tag:KEY`, `tag-key`), or null when `name` is none. */
export function tagFilter(name: string, tags: ReadonlyMap<string, string>): readonly string[] | null {
  if (name === 'tag-key') return [...tags.keys()];
  if (!name.startsWith('tag:')) return null;
  const value = tags.get(name.slice('tag:'.length));
  return value === undefined ? [] : [value];
}

/** Items that all of the call's filters match: one of each filter's values, one of the item's. */
export function filtered<Item>(
  parameters: Parameters,
  items: readonly Item[],
  valuesOf: (item: Item) => FilterValues,
): Item[] {
  const filters = parameters.structures('Filter').map((filter) => ({
    name: filter.required('Name'),
    patterns: filter.texts('Value').map(pattern),
  }));
  return items.filter((item) => {
    const values = valuesOf(item);
    return filters.every(({ name, patterns }) => {
      const own = values(name);
      if (own === null) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
      return own.some((value) => patterns.some((candidate) => candidate.test(value)));
    });
  });
}

/** Refuses unknown filter names even where there is nothing to filter. */
export function checkFilters(parameters: Parameters, known: readonly string[]): void {
  for (const filter of parameters.structures('Filter')) {
    const name = filter.required('Name');
    if (known.includes(name) || name.startsWith('tag:') || name === 'tag-key') continue;
    throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

export interface ResultPage<Item> {
  readonly items: readonly Item[];
  readonly nextToken: string | undefined;
}

/** The page that `MaxResults` and `NextToken` ask for. */
export function paged<Item>(parameters: Parameters, items: readonly Item[], defaultSize = 1000): ResultPage<Item> {
  const size = parameters.integer('MaxResults') ?? defaultSize;
  if (size < 1) throw new AwsError('InvalidParameterValue', `Value ( ${size} ) for parameter maxResults is invalid.`);
  const token = parameters.text('NextToken');
  const start = token === undefined || token === '' ? 0 : offsetOf(token);
  const end = start + size;
  return {
    items: items.slice(start, end),
    nextToken: end < items.length ? Buffer.from(`offset:${end}`).toString('base64url') : undefined,
  };
}

function offsetOf(token: string): number {
  const offset = /^offset:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (offset === undefined) throw new AwsError('InvalidNextToken', 'The token is invalid');
  return Number(offset);
}
