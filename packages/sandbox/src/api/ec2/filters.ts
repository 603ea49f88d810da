import { AwsError } from '../../model/aws-error.ts';
import { Wildcard } from '../../model/wildcard.ts';
import type { Parameters } from '../../wire/query-parameters.ts';

/** Values of a resource under a filter's name; null for a filter that the resource type does not have. */
export type FilterValues = (name: string) => readonly string[] | null;

/** User guide, "Filter your resources": 50 filters a request, 200 values a filter, 255 characters a value. */
const maximumFilters = 50;
const maximumValues = 200;
const maximumValueLength = 255;
/** Steps of comparing that one request may take, some tenths of a second. Our choice. */
const maximumSteps = 200_000_000;

interface Filter {
  readonly name: string;
  readonly patterns: readonly Wildcard[];
}

function filtersOf(parameters: Parameters): readonly Filter[] {
  const filters = parameters.structures('Filter');
  if (filters.length > maximumFilters) throw tooManyFilters();
  return filters.map((filter) => {
    const values = filter.texts('Value');
    if (values.length > maximumValues) throw tooManyFilters();
    for (const value of values)
      if (value.length > maximumValueLength)
        throw new AwsError('InvalidParameterValue', `A filter value has more than ${maximumValueLength} characters`);
    return { name: filter.required('Name'), patterns: values.map((value) => new Wildcard(value)) };
  });
}

function tooManyFilters(): AwsError {
  return new AwsError('FilterLimitExceeded', 'The request uses too many filters or too many filter values.');
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
  const filters = filtersOf(parameters);
  let steps = 0;
  const matches = (pattern: Wildcard, value: string) => {
    steps += 1 + pattern.length * value.length;
    if (steps > maximumSteps) throw tooManyFilters();
    return pattern.matches(value);
  };
  return items.filter((item) => {
    const values = valuesOf(item);
    return filters.every(({ name, patterns }) => {
      const own = values(name);
      if (own === null) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
      return own.some((value) => patterns.some((pattern) => matches(pattern, value)));
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

/** The sizes of a page that an action takes; `most` is also its default. */
export interface PageLimits {
  readonly least: number;
  readonly most: number;
}

/** API reference, `MaxResults` of most Describe actions. */
const usualLimits: PageLimits = { least: 5, most: 1000 };

/** The page that `MaxResults` and `NextToken` ask for. Throws InvalidParameterValue for a size outside the limits. */
export function paged<Item>(parameters: Parameters, items: readonly Item[], limits = usualLimits): ResultPage<Item> {
  const size = parameters.integer('MaxResults') ?? limits.most;
  if (size < limits.least || size > limits.most) {
    const expected =
      size < limits.least ? `greater than or equal to ${limits.least}` : `less than or equal to ${limits.most}`;
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${size} ) for parameter maxResults is invalid. Expecting a value ${expected}.`,
    );
  }
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
