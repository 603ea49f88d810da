/** What the undisturbed run told about the script; null without one, or where it told nothing. */
export interface Reference {
  readonly finalStep: number | null;
  readonly trainingMs: number;
}

/** When one interruption is due. Fractions are of the whole training, where its length is known. */
export interface InterruptionMoment {
  readonly kind: 'notice' | 'no-notice';
  readonly fraction: number;
  /** Later than this the interruption no longer waits for a checkpoint of the life. */
  readonly untilFraction: number;
  /** Part of the training between the interruption before this one, or the start, and this one. */
  readonly fractionOfLife: number;
  /** How long a life has trained where nothing tells the training's length. */
  readonly waitMs: number;
  /** So many checkpoints of the life are durable before, unless that takes too long. */
  readonly saves: number;
}

/** Interruptions keep away from the very beginning and end, where there is nothing to learn. */
const EARLIEST = 0.15;
const LATEST = 0.85;
/** The part of each interruption's share of the training in which it may come; the rest separates it from the next. */
const SHARE_USED = 0.7;
/** Where the length is unknown the script may be short, so the first wait is. */
const SHORTEST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 2500;
const WAIT_GROWTH = 1.5;
const WAIT_LIMIT_MS = 60_000;
/** A life of a training of unknown length that has not saved by then may save only when it is told to stop. */
const PATIENCE_MS = 10_000;
/** One that has saved too little by then saves rarely. */
const LONGER_PATIENCE_MS = 60_000;
/** What a script keeps beside its newest checkpoint, such as the best, shows only after its second. */
const SAVES_OF_FIRST_LIFE = 2;

/** Moments of all interruptions, in order, spread over the training; the same random numbers give the same moments. */
export function planMoments(
  random: () => number,
  { interruptions, noNotice }: { readonly interruptions: number; readonly noNotice: number },
): readonly InterruptionMoment[] {
  const share = (LATEST - EARLIEST) / Math.max(1, interruptions);
  const fractions = Array.from({ length: interruptions }, (_, index) => {
    const place = (1 - SHARE_USED) / 2 + random() * SHARE_USED;
    return EARLIEST + share * (index + place);
  });
  return fractions.map((fraction, index) => {
    const kind = random() < noNotice ? 'no-notice' : 'notice';
    const firstWaitMs = SHORTEST_WAIT_MS + random() * (LONGEST_WAIT_MS - SHORTEST_WAIT_MS);
    const waitMs = Math.min(WAIT_LIMIT_MS, firstWaitMs * WAIT_GROWTH ** index);
    const untilFraction = EARLIEST + share * (index + 1);
    const fractionOfLife = fraction - (fractions[index - 1] ?? 0);
    const saves = index === 0 ? SAVES_OF_FIRST_LIFE : 1;
    return { kind, fraction, untilFraction, fractionOfLife, waitMs, saves };
  });
}

/** One life of the script that has shown life. */
export interface LivingScript {
  readonly step: number | null;
  /** Step of the checkpoint that it was given; null from nothing, or where that bears none. */
  readonly fromStep: number | null;
  readonly totalSteps: number | null;
  readonly aliveForMs: number;
  /** How many checkpoints of this life became durable. */
  readonly saves: number;
  /** Since the newest durable save of any life was written. */
  readonly sinceSaveMs: number;
  /** Between two saves of a life; null where none was seen. */
  readonly saveIntervalMs: number | null;
}

/**
 * Directly after a save a script that ignores the notice loses nothing, and would look as if it had reacted; directly before
 * one its next save may come before SIGTERM.
 */
const AWAY_FROM_SAVE = { from: 0.35, until: 0.7 };
/** Between saves that come faster no look can be relied upon to fall, and a short training would be over before one did. */
const SHORTEST_TOLD_MS = 2500;

function isAwayFromSaves({ sinceSaveMs, saveIntervalMs }: LivingScript): boolean {
  if (saveIntervalMs === null) return true;
  const { from, until } = AWAY_FROM_SAVE;
  if (saveIntervalMs < SHORTEST_TOLD_MS) return sinceSaveMs >= from * saveIntervalMs;
  // The newest save may not be durable yet.
  const phase = (sinceSaveMs / saveIntervalMs) % 1;
  return phase >= from && phase <= until;
}

/**
 * Whether the moment has come. It waits until the life has saved, because an interruption before that proves little, and
 * until a part of the save interval has passed since; but not for ever, because a script may save only when it is told to
 * stop.
 */
export function isDue(moment: InterruptionMoment, life: LivingScript, reference: Reference | null): boolean {
  // A life must have made a step of its own, else nothing of it could be lost.
  if (life.step !== null && life.step <= (life.fromStep ?? 0)) return false;
  const intervalMs = life.saveIntervalMs ?? 0;
  const isAway = isAwayFromSaves(life);
  // The first save of a life that was resumed may come right after its start.
  const hasSaved = life.saves >= moment.saves && isAway && life.aliveForMs >= intervalMs;
  const total = reference?.finalStep ?? life.totalSteps;
  if (life.step !== null && total !== null && total > 0) {
    const done = life.step / total;
    return done >= moment.fraction && (hasSaved || done >= moment.untilFraction);
  }
  if (reference !== null) {
    const spareMs = reference.trainingMs * (moment.untilFraction - moment.fraction);
    const neededMs = reference.trainingMs * moment.fractionOfLife;
    return life.aliveForMs >= neededMs && (hasSaved || life.aliveForMs >= neededMs + spareMs);
  }
  const patienceMs = life.saves === 0 ? PATIENCE_MS : LONGER_PATIENCE_MS;
  return life.aliveForMs >= moment.waitMs && (hasSaved || life.aliveForMs >= moment.waitMs + patienceMs);
}
