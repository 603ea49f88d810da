/** A checkpoint that could be secured before the deadline. */
export interface Contender {
  readonly id: string;
  /** Bytes that the bucket has not. Of one that is being written: those that it will have. */
  readonly bytesLeft: number;
  /** Complete, as far as is known: it can be published now. */
  readonly ready: boolean;
}

export interface TimeLeft {
  readonly timeLeftMs: number;
  /** Null when nothing was measured yet. */
  readonly bytesPerSecond: number | null;
}

/** For requests that carry no parts: completing, manifest, pointer. */
const COMMIT_MS = 1500;
/** What is taken on the way for rates that fall. */
const MARGIN = 1.2;
/** Without a measurement: what a few connections to S3 bring on the smallest machines. */
const ASSUMED_BYTES_PER_SECOND = 50e6;

export function msToSecure(bytesLeft: number, bytesPerSecond: number | null, margin = MARGIN): number {
  return COMMIT_MS + (margin * bytesLeft * 1000) / Math.max(1, bytesPerSecond ?? ASSUMED_BYTES_PER_SECOND);
}

/**
 * Whether to leave off what is being sent, since the rate has fallen: it can't make it any more even without the margin,
 * and another can with it. So a rate that wavers does not lead to and fro, which would cost the parts under way each time.
 */
export function isOvertaken(
  sending: Pick<Contender, 'bytesLeft'>,
  others: readonly Pick<Contender, 'bytesLeft'>[],
  { bytesPerSecond, timeLeftMs }: TimeLeft,
): boolean {
  if (msToSecure(sending.bytesLeft, bytesPerSecond, 1) <= timeLeftMs) return false;
  return others.some(({ bytesLeft }) => msToSecure(bytesLeft, bytesPerSecond) <= timeLeftMs);
}

/**
 * Which checkpoints to secure before a deadline, in this order; the network is for the first alone, and those not named
 * are given up. `contenders` come newest first; parts that the bucket has do not count as left.
 *
 * The newest that can make it comes first, since once it is durable nobody wants an older one. Where that one is still
 * being written, an older complete one goes first if both together make it: the network would stand idle meanwhile.
 *
 * A newer one that can't make it is tried after the one that can, not before: the estimate has a margin, so there may be
 * time after all, and parts that were sent for it meanwhile would be lost with the machine. Trying it first could only win
 * where the estimate is wrong, and would lose a checkpoint that is certain where it is right.
 *
 * Where none can make it, the one with the least left comes first: it profits most if the rate was underestimated.
 */
export function secureInOrder(contenders: readonly Contender[], time: TimeLeft): readonly string[] {
  const needMs = (...some: readonly Contender[]): number =>
    msToSecure(
      some.reduce((sum, { bytesLeft }) => sum + bytesLeft, 0),
      time.bytesPerSecond,
    );
  const index = contenders.findIndex((each) => needMs(each) <= time.timeLeftMs);
  const best = contenders[index];
  if (best === undefined)
    return contenders
      .filter(({ ready }) => ready)
      .toSorted((a, b) => a.bytesLeft - b.bytesLeft)
      .map(({ id }) => id);
  const tooLarge = contenders.slice(0, index).toReversed();
  const meanwhile = best.ready
    ? undefined
    : contenders.slice(index + 1).find((older) => older.ready && needMs(best, older) <= time.timeLeftMs);
  return [...(meanwhile === undefined ? [] : [meanwhile]), best, ...tooLarge].map(({ id }) => id);
}
