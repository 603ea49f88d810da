import type { FollowEvent } from './follow-events.ts';

type Problem = Extract<FollowEvent, { type: 'capacity-problem' }>['event'];

/** What a provider says against a machine, for people: where, why, and when it tries again as far as it says so. */
export function providerProblemText({
  code,
  message,
  offer,
  restsUntilMs,
}: Pick<Problem, 'code' | 'message' | 'offer' | 'restsUntilMs'>): string {
  const where = offer === null ? '' : `${offerText(offer)}: `;
  const rest = restsUntilMs === null ? '' : `; not tried again before ${new Date(restsUntilMs).toISOString()}`;
  return `${where}${message === '' ? code : `${message} (${code})`}${rest}`;
}

function offerText({ machineType, location }: NonNullable<Problem['offer']>): string {
  return location === null ? machineType : `${machineType} in ${location}`;
}
