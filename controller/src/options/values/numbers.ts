import { parseDuration } from '@runctl/core';
import { RefusedValue, type ValueSchema } from './value-schema.ts';

export interface NumberRange {
  readonly least: number;
  /** Default: as large as a whole number can be. */
  readonly most?: number;
  readonly example: number;
  /** Default: whole numbers only. */
  readonly fraction?: boolean;
  /** `least` itself is too small. */
  readonly above?: boolean;
  /** Default: `a whole number`, or `a number`. */
  readonly kind?: string;
  /** Default: `N`. */
  readonly valueName?: string;
}

/** A number in a range, as TOML has it or as people write it: `7`, `1e2`, `.5`, `$40` for dollars. */
export function numberIn(range: NumberRange): ValueSchema<number> {
  const { least, most = Number.MAX_SAFE_INTEGER, fraction = false, above = false } = range;
  const kind = range.kind ?? (fraction ? 'a number' : 'a whole number');
  const atMost = range.most === undefined ? '' : `, at most ${most}`;
  const upTo = range.most === undefined ? 'up' : `to ${most}`;
  const bounds = above ? `above ${least}${atMost}` : `from ${least} ${upTo}`;
  return {
    takes: `${kind} ${bounds}`,
    example: String(range.example),
    valueName: range.valueName ?? 'N',
    read(given) {
      const value = asNumber(given, kind.includes('dollars'));
      const fits = above ? value > least : value >= least;
      return fits && value <= most && (fraction || Number.isSafeInteger(value)) ? value : new RefusedValue();
    },
  };
}

function asNumber(given: unknown, dollars: boolean): number {
  if (typeof given === 'number') return given;
  if (typeof given !== 'string') return Number.NaN;
  const text = dollars ? given.trim().replace(/^\$/, '') : given.trim();
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

export interface DurationRange {
  /** Shortest and longest, as people write them. */
  readonly least: string;
  readonly most: string;
  readonly example: string;
  /** What a number without a unit counts; default: seconds. */
  readonly bareUnit?: 'ms';
}

/** A duration in a range, in milliseconds: `90s`, `1h30m`, or a number of seconds. */
export function durationIn({ least, most, example, bareUnit }: DurationRange): ValueSchema<number> {
  const leastMs = parseDuration(least) ?? 0;
  const mostMs = parseDuration(most) ?? 0;
  return {
    takes: `a duration from ${least} to ${most}`,
    example,
    valueName: 'DURATION',
    read(given) {
      if (typeof given !== 'string' && typeof given !== 'number') return new RefusedValue();
      const text = String(given).trim();
      const ms = parseDuration(bareUnit !== undefined && /^\d+$/.test(text) ? `${text}${bareUnit}` : text);
      if (ms !== null && ms >= leastMs && ms <= mostMs) return Math.round(ms);
      const guess = ms === null ? inUnits(text) : null;
      const guessMs = guess === null ? null : parseDuration(guess);
      const meant = guessMs !== null && guessMs >= leastMs && guessMs <= mostMs ? guess : null;
      return new RefusedValue(meant === null ? {} : { meant });
    },
  };
}

/** `5m` of `5 minutes` and of `5M`; null when the units are none that could be meant. */
function inUnits(text: string): string | null {
  const [, amount, unit] =
    /^(\d+(?:\.\d+)?)\s*(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)$/i.exec(text) ?? [];
  return amount === undefined || unit === undefined ? null : `${amount}${unit.slice(0, 1).toLowerCase()}`;
}
