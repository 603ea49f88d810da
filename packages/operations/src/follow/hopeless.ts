import type { Offer, ProviderEvent } from '@runctl/provider';
import { RunctlError, type ErrorCode } from '@runctl/core';
import { providerProblemText } from '@runctl/protocol/events';

/** Errors that no waiting mends, wherever the machine would be: what was asked for does not exist or is not allowed. */
const PERMANENT: ReadonlySet<ErrorCode> = new Set(['config-invalid', 'access-denied', 'user-data-too-large']);
/** Errors that no waiting mends, of one offer alone. */
const PERMANENT_THERE: ReadonlySet<ErrorCode> = new Set(['pool-invalid', 'instance-type-unknown']);

/** What is asked for, and whether machines that would give their share of a quota back may still end. */
interface Wanted {
  readonly offers: readonly Pick<Offer, 'machineType' | 'location'>[];
  readonly quotaMayFreeUp: boolean;
}

/**
 * Why a launch will never have a machine, by the newest problem of each offer; null while it may. A reason that holds for
 * every offer suffices once; one that holds for an offer alone must have come for all of them.
 */
export function hopelessReason(problems: readonly ProviderEvent[], wanted: Wanted): RunctlError | null {
  const everywhere = problems.find(({ errorCode }) => errorCode !== null && PERMANENT.has(errorCode));
  if (everywhere !== undefined) return hopeless(everywhere, problems);
  const isLasting = ({ errorCode }: ProviderEvent): boolean =>
    errorCode !== null &&
    (PERMANENT_THERE.has(errorCode) || (errorCode === 'quota-exceeded' && !wanted.quotaMayFreeUp));
  const lasting = problems.filter(isLasting);
  const [first] = lasting;
  const isCovered = (offer: Wanted['offers'][number]): boolean =>
    lasting.some((problem) => speaksOf(problem, offer)) &&
    !problems.some((problem) => !isLasting(problem) && problem.offer !== null && speaksOf(problem, offer));
  if (first === undefined || wanted.offers.length === 0 || !wanted.offers.every(isCovered)) return null;
  return hopeless(lasting.find(({ errorCode }) => errorCode === 'quota-exceeded') ?? first, problems);
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
