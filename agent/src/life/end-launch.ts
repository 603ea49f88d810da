import { type Clock, growingPauses, type Log, messageOf, until } from '@runctl/core';
import type { LaunchOutcome } from '@runctl/protocol';
import { isStoreError } from '@runctl/store';
import type { LeaseKeeper } from '@runctl/checkpoint';
import type { Power, PowerEnd, Successors } from '../host/host.ts';
import { declareOutcome, type DeclareOutcomeParts, mayBeElsewhere } from './declare-outcome.ts';

export interface EndingOptions extends DeclareOutcomeParts {
  readonly successors: Pick<Successors, 'doing' | 'trouble' | 'end'>;
  /** What starts machines for this launch; null: nothing does. */
  readonly capacity: () => Promise<string | null>;
  /** Renewed until it is released: nobody may take the run up while its end is being written. */
  readonly lease: Pick<LeaseKeeper, 'mayPublish' | 'release' | 'run' | 'view'> | null;
  readonly power: Power;
  readonly clock: Clock;
  readonly log: Log;
  /** Shows what the agent is doing, for people. */
  readonly doing: (what: string) => void;
  readonly signal: AbortSignal;
}

const PAUSES = growingPauses({ baseMs: 500, maxMs: 60_000 });
/** The lease runs out by itself too. */
const RELEASE_TRIES = 5;
/** Where the bucket refuses for good nobody will read an outcome, and the machine costs money all the same. */
const REFUSED_TRIES = 6;

/** How many failures end the tries: of any kind, and of a store that refuses. */
interface Tries {
  readonly all?: number;
  readonly refused?: number;
}

/**
 * Ends a launch, in this order and no other: its outcome is in the bucket, its successors are ended and that is verified,
 * the lease is released, the machine powers off. A machine that could have successors is not powered off: the next one
 * would only start. Every step is idempotent; a successor that finds the outcome goes on with `outcome: null`. Where another
 * machine has taken the run meanwhile, this one ends nothing but itself. Resolves with what became of the machine.
 */
export async function endLaunch(outcome: LaunchOutcome | null, options: EndingOptions): Promise<PowerEnd> {
  const { successors, power, doing, log } = options;
  const renewal = keepLease(options);
  const powerOff = (): Promise<PowerEnd> => {
    doing(power.doing);
    return persist('the machine could not be powered off', () => power.off(), options);
  };
  if (outcome !== null && !(await writeOutcome(outcome, options))) {
    log.warn({}, 'another machine has the run, or may have it: how it ends is told there');
    await renewal.end();
    return powerOff();
  }
  doing(successors.doing);
  await persist(
    successors.trouble,
    async () => {
      const capacity = await options.capacity();
      if (capacity !== null) await successors.end(capacity);
    },
    options,
  );
  doing('releasing the lease');
  await renewal.end();
  await releaseLease(options);
  return powerOff();
}

/**
 * False where another machine has the run, or may have it. A store that refuses for good takes no outcome, and the launch
 * ends without one.
 */
async function writeOutcome(outcome: LaunchOutcome, options: EndingOptions): Promise<boolean> {
  const { doing, log, signal } = options;
  doing('writing the outcome of the launch');
  return persist('the outcome could not be written', () => declareOutcome(options, outcome, signal), {
    ...options,
    tries: { refused: REFUSED_TRIES },
  }).then(
    (written) => written !== null,
    async (error: unknown) => {
      const isLeft = await mayBeElsewhere(options, signal);
      signal.throwIfAborted();
      const what = isLeft
        ? 'the bucket does not say who has the run'
        : 'the launch ends without its outcome in the bucket';
      log.error({ error: messageOf(error) }, what);
      return !isLeft;
    },
  );
}

async function releaseLease(options: EndingOptions): Promise<void> {
  const { lease, signal } = options;
  if (lease === null) return;
  await persist('the lease could not be released', () => lease.release(), {
    ...options,
    tries: { all: RELEASE_TRIES },
  }).catch(() => signal.throwIfAborted());
}

function keepLease({ lease, log, signal }: EndingOptions): { end(): Promise<void> } {
  const stop = new AbortController();
  const fenced = (): void => log.warn({}, 'another machine holds the lease by now');
  const renewing = lease?.run(AbortSignal.any([signal, stop.signal]), fenced).catch((error: unknown) => {
    log.error({ error: messageOf(error) }, 'the lease is not renewed any more');
  });
  return {
    end: async () => {
      stop.abort();
      await renewing;
    },
  };
}

function persist<T>(
  complaint: string,
  operation: () => Promise<T>,
  { clock, log, signal, doing, tries = {} }: EndingOptions & { readonly tries?: Tries },
): Promise<T> {
  const { all = Number.POSITIVE_INFINITY, refused = all } = tries;
  return until(operation, {
    clock,
    signal,
    pauseMs: PAUSES,
    isFinal: (error, attempt) => {
      const hopeless = isStoreError(error, 'denied', 'credentials', 'bucket-missing', 'permanent');
      return attempt >= (hopeless ? refused : all);
    },
    onTrouble: ({ error, attempt }) => {
      const message = messageOf(error);
      log.warn({ error: message, attempt }, complaint);
      doing(`${complaint}, trying again: ${message}`);
    },
  });
}
