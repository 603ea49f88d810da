import { AwsError } from '../model/aws-error.ts';

type Node = Map<string, Node | string>;

/** No request of a client comes near these; what exceeds them is meant to hold the region up. Our choice. */
const maximumParameters = 20_000;
const maximumDepth = 12;

/**
 * The parameters of a call in the EC2 query protocol: `Filter.1.Value.2=x` is the second value of the first filter.
 * Reads never fail for what is missing; they throw AwsError for what is malformed.
 */
export class Parameters {
  readonly #node: Node;
  readonly #path: string;

  private constructor(node: Node, path: string) {
    this.#node = node;
    this.#path = path;
  }

  static parse(form: URLSearchParams): Parameters {
    const root: Node = new Map();
    if (form.size > maximumParameters) throw malformed(`it has more than ${maximumParameters} parameters`);
    for (const [name, value] of form) {
      const parts = name.split('.', maximumDepth + 1);
      if (parts.length > maximumDepth) throw malformed(`a parameter is nested deeper than ${maximumDepth} levels`);
      const last = parts.pop() ?? name;
      let node = root;
      for (const part of parts) {
        const child = node.get(part);
        const next: Node = child instanceof Map ? child : new Map();
        if (next !== child) node.set(part, next);
        node = next;
      }
      node.set(last, value);
    }
    return new Parameters(root, '');
  }

  get names(): readonly string[] {
    return [...this.#node.keys()];
  }

  has(name: string): boolean {
    return this.#node.has(name);
  }

  text(name: string): string | undefined {
    const value = this.#node.get(name);
    return typeof value === 'string' ? value : undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined && value !== '') return value;
    throw new AwsError('MissingParameter', `The request must contain the parameter ${this.#path}${name}`);
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^-?\d+$/.test(value)) return Number(value);
    throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${this.#path}${name} is invalid.`);
  }

  decimal(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (value !== '' && Number.isFinite(Number(value))) return Number(value);
    throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${this.#path}${name} is invalid.`);
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name)?.toLowerCase();
    if (value === undefined) return undefined;
    if (value === 'true' || value === 'false') return value === 'true';
    throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${this.#path}${name} is invalid.`);
  }

  /** One of `allowed`; throws for anything else. */
  choice<Choice extends string>(name: string, allowed: readonly Choice[]): Choice | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const known = allowed.find((candidate) => candidate === value);
    if (known !== undefined) return known;
    throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${this.#path}${name} is invalid.`);
  }

  /** Epoch milliseconds of a timestamp. */
  time(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const ms = Date.parse(value);
    if (!Number.isNaN(ms)) return ms;
    throw new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${this.#path}${name} is invalid.`);
  }

  /** The nested structure; an empty one when it is missing. */
  structure(name: string): Parameters {
    const value = this.#node.get(name);
    return new Parameters(value instanceof Map ? value : new Map(), `${this.#path}${name}.`);
  }

  texts(name: string): readonly string[] {
    return this.#members(name).flatMap(([, value]) => (typeof value === 'string' ? [value] : []));
  }

  structures(name: string): readonly Parameters[] {
    return this.#members(name).flatMap(([index, value]) =>
      value instanceof Map ? [new Parameters(value, `${this.#path}${name}.${index}.`)] : [],
    );
  }

  /** The whole tree as plain objects, lists as arrays; for comparing and for echoing. */
  toPlain(): Record<string, unknown> {
    return Object.fromEntries([...this.#node].map(([name, value]) => [name, plain(value)]));
  }

  #members(name: string): ReadonlyArray<readonly [number, Node | string]> {
    const list = this.#node.get(name);
    if (!(list instanceof Map)) return [];
    return [...list].map(([index, value]) => [Number(index), value] as const).sort(([a], [b]) => a - b);
  }
}

function malformed(reason: string): AwsError {
  return new AwsError('InvalidQueryParameter', `The AWS query string is malformed: ${reason}.`);
}

function plain(value: Node | string): unknown {
  if (typeof value === 'string') return value;
  const entries = [...value];
  if (entries.length > 0 && entries.every(([key]) => /^\d+$/.test(key)))
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, member]) => plain(member));
  return Object.fromEntries(entries.map(([key, member]) => [key, plain(member)]));
}
