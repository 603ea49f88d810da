import * as z from 'zod';
import { Wildcard } from '../wildcard.ts';

const ANY_INSTANCE = '*';

/**
 * Misbehaviour on purpose. The first rule that matches a request and is not used up takes effect; requests whose signature
 * is wrong never get that far.
 */
const match = z.strictObject({
  /** A glob over the key (`*` is any text, slashes too; `?` one character). A request without a key is matched by its `prefix`. */
  keyPattern: z
    .string()
    .max(1024)
    .refine((pattern) => !/^\/.*\/[a-z]*$/s.test(pattern), {
      error: 'a regular expression could hold up every request: use a glob with * and ?',
    })
    .optional(),
  /** Names of S3's operations, such as `PutObject`; none means all. */
  operations: z.array(z.string()).readonly().optional(),
  /** Restricts the rule to requests signed with the role credentials of this instance; `*`: of any. */
  principalInstanceId: z.string().optional(),
  bucket: z.string().optional(),
  /** Restricts the rule to these part numbers, where the request names one. */
  partNumbers: z.array(z.int()).readonly().optional(),
});

const effect = z.discriminatedUnion('kind', [
  /** Waits before anything is done. */
  z.strictObject({ kind: z.literal('delay'), ms: z.number().nonnegative() }),
  /** Does nothing and answers this error. Status 200 gives a 200 with an error in its body, as CompleteMultipartUpload and CopyObject can. */
  z.strictObject({
    kind: z.literal('status'),
    status: z.number().int().min(200).max(599),
    code: z.string(),
    message: z.string().optional(),
  }),
  /** Cuts the connection without doing anything. */
  z.strictObject({ kind: z.literal('reset') }),
  /** Does it, then cuts the connection instead of answering: the client cannot know whether it happened. */
  z.strictObject({ kind: z.literal('drop-response') }),
  /** Passes the bodies of request and answer at this rate. */
  z.strictObject({ kind: z.literal('bandwidth'), bytesPerSecond: z.number().positive() }),
]);

export const faultRuleSchema = z.strictObject({
  /** Shown with the counts; else the rule's position. */
  name: z.string().optional(),
  match: match.default({}),
  effect,
  /** Number of times that it takes effect before it is used up; unlimited when left out. */
  times: z.number().int().positive().optional(),
  /** Chance that a matching request is hit, drawn from a generator that starts at `seed`; else every one. */
  probability: z.number().min(0).max(1).optional(),
  seed: z.number().int().default(1),
});

export type FaultRule = z.input<typeof faultRuleSchema>;
export type FaultEffect = z.infer<typeof effect>;

export interface FaultSubject {
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly prefix: string | undefined;
  readonly instanceId: string | undefined;
  readonly partNumber: number | undefined;
}

/** Counts of the requests that a rule matched and of those that it took effect on. */
export interface FaultCount {
  readonly name: string;
  readonly effect: FaultEffect['kind'];
  readonly matched: number;
  readonly applied: number;
}

/** The rules in force and what they did so far. */
export class Faults {
  #rules: ActiveRule[] = [];

  constructor(rules: readonly FaultRule[] = []) {
    this.replace(rules);
  }

  /** Puts new rules in place of the old ones and starts counting anew. Throws a ZodError when one is not valid. */
  replace(rules: readonly FaultRule[]): void {
    this.#rules = rules.map((rule, position) => new ActiveRule(faultRuleSchema.parse(rule), position));
  }

  /** The effect on this request, which counts as applied. */
  next(subject: FaultSubject): FaultEffect | undefined {
    for (const rule of this.#rules) if (rule.hits(subject)) return rule.effect;
    return undefined;
  }

  seen(): FaultCount[] {
    return this.#rules.map((rule) => rule.count);
  }
}

class ActiveRule {
  readonly #rule: z.infer<typeof faultRuleSchema>;
  readonly #pattern: Wildcard | undefined;
  readonly #name: string;
  readonly #random: () => number;
  #matched = 0;
  #applied = 0;

  constructor(rule: z.infer<typeof faultRuleSchema>, position: number) {
    this.#rule = rule;
    this.#pattern = rule.match.keyPattern === undefined ? undefined : new Wildcard(rule.match.keyPattern);
    this.#name = rule.name ?? `#${position}`;
    this.#random = seededRandom(rule.seed);
  }

  get effect(): FaultEffect {
    return this.#rule.effect;
  }

  get count(): FaultCount {
    return { name: this.#name, effect: this.effect.kind, matched: this.#matched, applied: this.#applied };
  }

  hits(subject: FaultSubject): boolean {
    const { match, times, probability } = this.#rule;
    if (this.#pattern?.matches(subject.key || (subject.prefix ?? '')) === false) return false;
    if (match.operations !== undefined && !match.operations.includes(subject.operation)) return false;
    if (!isFrom(match.principalInstanceId, subject)) return false;
    if (match.bucket !== undefined && match.bucket !== subject.bucket) return false;
    if (match.partNumbers?.includes(subject.partNumber ?? 0) === false) return false;
    this.#matched += 1;
    if (times !== undefined && this.#applied >= times) return false;
    if (probability !== undefined && this.#random() >= probability) return false;
    this.#applied += 1;
    return true;
  }
}

function isFrom(principal: string | undefined, { instanceId }: FaultSubject): boolean {
  if (principal === ANY_INSTANCE) return instanceId !== undefined;
  return principal === undefined || principal === instanceId;
}

/** A small generator (mulberry32): the same seed gives the same misbehaviour. */
function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
