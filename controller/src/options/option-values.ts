import { parseDuration, RunctlError } from '@runctl/core';

export interface NumberWanted {
  readonly min: number;
  /** Default: as large as a number gets. */
  readonly max?: number;
  /** Default: whole numbers only. */
  readonly fraction?: boolean;
  /** One that could stand there: the hint. */
  readonly example: number;
}

/** The number that an option was given. Errors: `usage`, with the option, what it takes and what it was given. */
export function numberOption(option: string, text: string, wanted: NumberWanted): number {
  const { min, max = Number.MAX_SAFE_INTEGER, fraction = false, example } = wanted;
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= min && value <= max && (fraction || Number.isSafeInteger(value))) return value;
  const range = wanted.max === undefined ? `from ${min} up` : `from ${min} to ${max}`;
  throw wrongValue({
    option,
    text,
    takes: `a ${fraction ? '' : 'whole '}number ${range}`,
    hint: `${option} ${example}`,
  });
}

export interface DurationWanted {
  /** Default: none is too short. */
  readonly leastMs?: number;
  /** Ones that could stand there: the hint. */
  readonly example: string;
}

/** Milliseconds of the duration that an option was given, a bare number being seconds. Errors: as `numberOption`. */
export function durationOption(option: string, text: string, { leastMs = 0, example }: DurationWanted): number {
  const ms = parseDuration(text);
  if (ms !== null && ms >= leastMs) return ms;
  const least = leastMs === 0 ? '' : ` from ${leastMs / 1000}s up`;
  throw wrongValue({ option, text, takes: `a duration${least}`, hint: example });
}

/** What `--time-scale` takes: EC2's own times are only ever shortened. Errors: as `numberOption`. */
export function timeScaleOption(text: string): number {
  return numberOption('--time-scale', text, { min: 0.001, max: 1, fraction: true, example: 0.1 });
}

function wrongValue(wrong: { option: string; text: string; takes: string; hint: string }): RunctlError {
  const { option, text, takes, hint } = wrong;
  return new RunctlError('usage', `${option} takes ${takes}, not "${text}"`, { hint: `such as ${hint}` });
}
