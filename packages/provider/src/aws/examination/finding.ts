import type { Hint, RunctlError } from '@runctl/core';
import { classifyAwsError } from '../api/classify.ts';
import type { AccountFinding } from '../../port/index.ts';

export function ok(subject: string, text: string): AccountFinding {
  return { subject, state: 'ok', text, fix: null, errorCode: null };
}

export function untold(subject: string, text: string, fix: Hint | null = null): AccountFinding {
  return { subject, state: 'unknown', text, fix, errorCode: null };
}

export function problem(
  subject: string,
  text: string,
  of: { readonly code: NonNullable<AccountFinding['errorCode']>; readonly fix: Hint | null },
): AccountFinding {
  return { subject, state: 'problem', text, fix: of.fix, errorCode: of.code };
}

const RIGHTS_PAGE = 'grant it (docs/aws-account.md lists what runctl asks), or look it up in the console';

/** What a look that failed means: a missing right and a service that does not answer leave the matter open. */
export function findingOf(subject: string, error: unknown): AccountFinding {
  const failure: RunctlError = classifyAwsError(error, 'looking');
  const text = failure.message.replace(/^looking: /, '');
  if (failure.code === 'access-denied') return untold(subject, `not allowed to look: ${text}`, RIGHTS_PAGE);
  if (['cloud-unreachable', 'cloud-error', 'internal'].includes(failure.code))
    return untold(subject, text, failure.hintParts ?? null);
  return problem(subject, text, { code: failure.code, fix: failure.hintParts ?? null });
}

/** The findings of a look; a look that fails is a finding. */
export async function looking(
  subject: string,
  look: () => Promise<AccountFinding | readonly AccountFinding[]>,
): Promise<readonly AccountFinding[]> {
  try {
    const found = await look();
    return 'subject' in found ? [found] : found;
  } catch (error) {
    return [findingOf(subject, error)];
  }
}
