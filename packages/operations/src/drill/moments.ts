/** What the undisturbed run told about the script; null without one, or where it told nothing. */
export interface Reference {
  readonly finalStep: number | null;
  readonly trainingMs: number;
}

/** When one interruption is due: once the script has passed a step, or so long after its first step of this life. */
export interface InterruptionMoment {
  readonly kind: 'notice' | 'no-notice';
  readonly afterStep: number | null;
  readonly afterMs: number;
}

/** Interruptions keep away from the very beginning and end, where there is nothing to learn. */
const EARLIEST = 0.15;
const LATEST = 0.85;
/** Without a reference the script may be short, so the wait is. */
const SHORTEST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 3000;

/** Moments of all interruptions, in order; the same random numbers give the same moments. */
export function planMoments(
  random: () => number,
  options: { readonly interruptions: number; readonly noNotice: number; readonly reference: Reference | null },
): readonly InterruptionMoment[] {
  const { interruptions, noNotice, reference } = options;
  const fractions = Array.from({ length: interruptions }, () => EARLIEST + random() * (LATEST - EARLIEST)).sort(
    (a, b) => a - b,
  );
  return fractions.map((fraction, index) => {
    const kind = random() < noNotice ? 'no-notice' : 'notice';
    const waitMs = SHORTEST_WAIT_MS + random() * (LONGEST_WAIT_MS - SHORTEST_WAIT_MS);
    if (reference === null) return { kind, afterStep: null, afterMs: waitMs };
    if (reference.finalStep !== null)
      return { kind, afterStep: Math.round(reference.finalStep * fraction), afterMs: 0 };
    return { kind, afterStep: null, afterMs: reference.trainingMs * (fraction - (fractions[index - 1] ?? 0)) };
  });
}

/** Whether the moment has come in a life that began to step at `steppingForMs` ago. */
export function isDue(
  moment: InterruptionMoment,
  life: { readonly step: number | null; readonly fromStep: number | null; readonly steppingForMs: number },
): boolean {
  if (life.steppingForMs < moment.afterMs) return false;
  // A life must have made a step of its own, else nothing of it could be lost.
  if (life.step === null ? life.fromStep !== null : life.step <= (life.fromStep ?? 0)) return false;
  return moment.afterStep === null || (life.step !== null && life.step >= moment.afterStep);
}
