import { AwsError } from '../../model/aws-error.ts';

/** The JSON body of a call. Reads throw a ValidationException for what has the wrong shape. */
export class Input {
  readonly #fields: Readonly<Record<string, unknown>>;

  private constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  static parse(body: string): Input {
    try {
      const value: unknown = JSON.parse(body === '' ? '{}' : body);
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        return new Input(value as Record<string, unknown>);
    } catch {
      // Reported below, as any body that is not an object.
    }
    throw new AwsError('SerializationException', 'The request body is not a JSON object');
  }

  text(name: string): string | undefined {
    const value = this.#fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    throw invalid(name, 'a string');
  }

  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined && value !== '') return value;
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
    );
  }

  integer(name: string): number | undefined {
    const value = this.#fields[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    throw invalid(name, 'an integer');
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (value === undefined || value === null) return false;
    if (typeof value === 'boolean') return value;
    throw invalid(name, 'a boolean');
  }

  texts(name: string): readonly string[] {
    const value = this.#fields[name];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((member) => typeof member === 'string')) return value;
    throw invalid(name, 'a list of strings');
  }

  structures(name: string): readonly Input[] {
    const value = this.#fields[name];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((member) => typeof member === 'object' && member !== null))
      return value.map((member) => new Input(member as Record<string, unknown>));
    throw invalid(name, 'a list of structures');
  }

  /** A map from names to lists of strings, as a document's parameters are. */
  lists(name: string): Readonly<Record<string, readonly string[]>> {
    const value = this.#fields[name];
    if (value === undefined || value === null) return {};
    if (typeof value !== 'object') throw invalid(name, 'a map');
    const nested = new Input(value as Record<string, unknown>);
    return Object.fromEntries(Object.keys(value).map((key) => [key, nested.texts(key)]));
  }
}

function invalid(name: string, expected: string): AwsError {
  return new AwsError('ValidationException', `Value at '${name}' must be ${expected}`);
}

export interface JsonPage<Item> {
  readonly items: readonly Item[];
  readonly next: { readonly NextToken?: string };
}

/** The page that `MaxResults` and `NextToken` ask for; `most` is also the default size. Throws for a size outside the limits. */
export function pagedJson<Item>(
  input: Input,
  items: readonly Item[],
  { least = 1, most = 50 }: { readonly least?: number; readonly most?: number } = {},
): JsonPage<Item> {
  const size = input.integer('MaxResults') ?? most;
  if (size < least || size > most) {
    const bound = size < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`;
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${size}' at 'maxResults' failed to satisfy constraint: Member must have value ${bound}`,
    );
  }
  const token = input.text('NextToken') ?? '0';
  if (!/^\d{1,9}$/.test(token)) throw new AwsError('InvalidNextToken', 'The specified token is not valid.');
  const start = Number(token);
  const end = start + size;
  return { items: items.slice(start, end), next: end < items.length ? { NextToken: String(end) } : {} };
}

/** Timestamps of JSON 1.1 are seconds since the epoch. */
export function epochSeconds(ms: number): number {
  return ms / 1000;
}
