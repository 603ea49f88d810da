import type { Offer, ProviderEvent } from '@runctl/provider';
import { RunctlError, type ErrorCode } from '@runctl/core';
import { providerProblemText } from '@runctl/protocol/events';

/** Errors that no waiting mends, wherever the machine would be: what was asked for does not exist or is not allowed. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set(['config-invalid', 'access-denied', 'user-data-too-large']);
/** Errors that no waiting mends, of one offer alone where they name one: a policy may forbid a type or a place. */
const PERMANENT_THERE: ReadonlySet<ErrorCode> = new Set(['pool-invalid', 'instance-type-unknown', 'access-denied']);

interface Wanted {
  readonly offers: readonly Pick<Offer, 'machineType' | 'location'>[];
  /** What was made for the launch is old enough to be known everywhere. */
  readonly isSettled: boolean;
}

/**
 * Why a launch will never have a machine, by the newest problem of each offer; null while it may. A reason that holds for
 * every offer suffices once; one that holds for an offer alone must have come for all of them. A quota that is used up holds
 * only where nothing that ends makes room in it: others of the account use it too, which nobody here sees.
 */
export function hopelessReason(said: readonly ProviderEvent[], wanted: Wanted): RunctlError | null {
  const problems = said.filter(({ nature }) => nature !== 'no-reason');
  const isLasting = ({ errorCode, nature }: ProviderEvent): boolean => {
    if (errorCode === null || (nature === 'settling' && !wanted.isSettled)) return false;
    if (errorCode === 'quota-exceeded') return nature === 'lasting';
    return PERMANENT.has(errorCode) || PERMANENT_THERE.has(errorCode);
  };
  const lasting = problems.filter(isLasting);
  const everywhere = lasting.find(isPermanentEverywhere);
  if (everywhere !== undefined) return hopeless(everywhere, problems);
  const [first] = lasting;
  const isCovered = (offer: Wanted['offers'][number]): boolean =>
    lasting.some((problem) => speaksOf(problem, offer)) &&
    !problems.some((problem) => !isLasting(problem) && problem.offer !== null && speaksOf(problem, offer));
  if (first === undefined || wanted.offers.length === 0 || !wanted.offers.every(isCovered)) return null;
  return hopeless(lasting.find(({ errorCode }) => errorCode === 'quota-exceeded') ?? first, problems);
}

function isPermanentEverywhere({ errorCode, offer }: ProviderEvent): boolean {
  if (errorCode === null || !PERMANENT.has(errorCode)) return false;
  return offer === null || !PERMANENT_THERE.has(errorCode);
}

function speaksOf(
  { offer, blocksLaunch }: ProviderEvent,
  { machineType, location }: Wanted['offers'][number],
): boolean {
  if (offer === null) return blocksLaunch;
  return offer.machineType === machineType && (offer.location ?? location) === location;
}

function hopeless(reason: ProviderEvent, problems: readonly ProviderEvent[]): RunctlError {
  const { errorCode, hint } = reason;
  return new RunctlError(errorCode ?? 'cloud-error', `no machine can be made: ${listed(reason, problems)}`, {
    ...(hint === null ? {} : { hint }),
    details: { hopeless: true },
  });
}

/** The reason first, then what the provider said of each other offer. */
function listed(reason: ProviderEvent, problems: readonly ProviderEvent[]): string {
  const texts = [reason, ...problems].map(providerProblemText);
  return [...new Set(texts)].join('; ');
}

/** Whether an error says that a launch will never have a machine. */
export function isHopeless(error: unknown): error is RunctlError {
  return error instanceof RunctlError && error.details['hopeless'] === true;
}
