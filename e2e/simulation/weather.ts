import type { Random } from './random.ts';

/** How badly network and S3 behave: shares of all calls. */
export interface Weather {
  /** The request never reaches S3. */
  readonly lost: number;
  /** It takes effect, but its answer never comes: the connection breaks. */
  readonly answerLost: number;
  /** 500, which leaves open whether it took effect. */
  readonly internalError: number;
  /** 503, without effect. */
  readonly slowDown: number;
  /** 409 to a conditional write, without effect. */
  readonly conflict: number;
  /** The body of an answer, or a listing, breaks off. */
  readonly cut: number;
  /** It stays under way for a long time, while its sender gives up after its own time-out. */
  readonly late: number;
  readonly usualMs: number;
}

export const CALM: Weather = {
  lost: 0,
  answerLost: 0,
  internalError: 0,
  slowDown: 0,
  conflict: 0,
  cut: 0,
  late: 0,
  usualMs: 40,
};

const FLAKY: Weather = {
  lost: 0.01,
  answerLost: 0.02,
  internalError: 0.01,
  slowDown: 0.02,
  conflict: 0.02,
  cut: 0.03,
  late: 0.003,
  usualMs: 100,
};

const STORM: Weather = {
  lost: 0.06,
  answerLost: 0.1,
  internalError: 0.04,
  slowDown: 0.08,
  conflict: 0.1,
  cut: 0.1,
  late: 0.03,
  usualMs: 300,
};

export function weatherOf(random: Random): Weather {
  return random.pick([CALM, FLAKY, FLAKY, STORM]);
}

export type Outcome = 'answered' | 'lost' | 'answer-lost' | 'internal-error' | 'slow-down' | 'conflict';

/** What becomes of one call. */
export interface Fate {
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly outcome: Outcome;
  /** For `internal-error`: whether it took effect all the same. */
  readonly takesEffect: boolean;
  readonly cut: boolean;
}

const LATEST_MS = 40_000;

export function fateOf(random: Random, weather: Weather, conditional: boolean): Fate {
  const late = random.chance(weather.late);
  const slow = random.chance(0.05) ? 10 : 1;
  const beforeMs = late ? random.int(2000, LATEST_MS) : random.int(1, weather.usualMs * slow);
  const afterMs = random.int(1, weather.usualMs);
  const takesEffect = random.chance(0.5);
  const cut = random.chance(weather.cut);
  return { beforeMs, afterMs, outcome: outcomeOf(random.next(), weather, conditional), takesEffect, cut };
}

function outcomeOf(drawn: number, weather: Weather, conditional: boolean): Outcome {
  const shares: readonly (readonly [Outcome, number])[] = [
    ['lost', weather.lost],
    ['answer-lost', weather.answerLost],
    ['internal-error', weather.internalError],
    ['slow-down', weather.slowDown],
    ['conflict', conditional ? weather.conflict : 0],
  ];
  let left = drawn;
  for (const [outcome, share] of shares) {
    if (left < share) return outcome;
    left -= share;
  }
  return 'answered';
}
