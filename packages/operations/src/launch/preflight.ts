import { RunctlError } from '@runctl/core';
import type { PreflightFinding, Provider } from '@runctl/provider';
import type { LaunchPlace } from './launch-plan.ts';

/** Offers that can be used, and what a person should know of the others. */
export interface CheckedPlace {
  readonly offers: LaunchPlace['offers'];
  /** For people, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Has the provider check a place, and leaves out the offers whose machines could not work. Errors: `config-invalid` where
 * none is left; those of the provider.
 */
export async function preflight(
  provider: Pick<Provider, 'preflight'>,
  { target, offers }: Pick<LaunchPlace, 'target' | 'offers'>,
): Promise<CheckedPlace> {
  const findings = (await provider.preflight?.check(target, offers)) ?? [];
  const problems = findings.filter(({ verdict }) => verdict === 'problem');
  const usable = offers.filter(({ location }) => !problems.some((problem) => holdsAt(problem, location)));
  const [first] = problems;
  if (usable.length === 0 && first !== undefined)
    throw new RunctlError(
      'config-invalid',
      `no machine could reach its bucket: ${problems.map(({ text }) => text).join('; ')}`,
      first.hint === null ? {} : { hint: first.hint },
    );
  return {
    offers: usable,
    warnings: [
      ...problems.map(({ text }) => `${text}, so nothing is launched there`),
      ...findings.filter(({ verdict }) => verdict === 'unknown').map(unknownText),
    ],
  };
}

function holdsAt({ locations }: PreflightFinding, location: string): boolean {
  return locations === null || locations.includes(location);
}

function unknownText({ text, hint }: PreflightFinding): string {
  return `not known before the first machine runs: ${text}${hint === null ? '' : ` (${hint})`}`;
}
