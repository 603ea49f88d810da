import { elementText, type AwsCredentials } from '@runctl/aws-wire';
import { formatDuration, type Clock } from '@runctl/core';
import { ServiceRefusal, type AccountServices } from '../api/account-services.ts';
import type { AccountFinding } from '../../port/index.ts';
import { findingOf, ok, problem } from './finding.ts';

const SUBJECT = 'credentials';

/** A launch must be able to follow its first machine: keys that end sooner are no use. */
const LEAST_LIFE_MS = 10 * 60_000;

export interface CallerIdentity {
  readonly account: string;
  readonly arn: string;
}

/** Who asks. Needs no right. Rejects as a QueryService. */
export async function callerIdentity({ sts }: Pick<AccountServices, 'sts'>): Promise<CallerIdentity> {
  const xml = await sts.call('GetCallerIdentity');
  return { account: elementText(xml, 'Account') ?? '', arn: elementText(xml, 'Arn') ?? '' };
}

/** Who asks, and for how long; without an answer there is nothing else to look at. */
export async function examineIdentity(services: AccountServices, clock: Clock): Promise<AccountFinding> {
  try {
    const { account, arn } = await callerIdentity(services);
    return judgeLife(`${arn}, account ${account}`, await services.credentials(), clock);
  } catch (error) {
    return withoutIdentity(error, services.region);
  }
}

function judgeLife(who: string, credentials: AwsCredentials, clock: Clock): AccountFinding {
  const leftMs = timeLeft(credentials, clock);
  if (leftMs === null) return ok(SUBJECT, `${who}; they do not expire`);
  if (leftMs >= LEAST_LIFE_MS) return ok(SUBJECT, `${who}; they expire in ${formatDuration(leftMs)}`);
  return problem(SUBJECT, `those of ${who} expire in ${formatDuration(Math.max(0, leftMs))}`, {
    code: 'credentials-expired',
    fix: 'log in again, for example `aws sso login`',
  });
}

function withoutIdentity(error: unknown, region: string): AccountFinding {
  // Regions that an account has to enable know no keys of it before.
  if (error instanceof ServiceRefusal && error.name === 'InvalidClientTokenId')
    return problem(SUBJECT, `${region} does not know these keys`, {
      code: 'no-credentials',
      fix: `log in again; where they work in other regions, this one is not enabled: \`aws account enable-region --region-name ${region}\``,
    });
  const found = findingOf(SUBJECT, error);
  if (found.state !== 'unknown') return found;
  const fix = `check the network, the region (${region}), and AWS_ENDPOINT_URL if it is set`;
  return problem(SUBJECT, found.text, { code: 'cloud-unreachable', fix });
}

function timeLeft({ expiresAtMs }: AwsCredentials, clock: Clock): number | null {
  return expiresAtMs === undefined ? null : expiresAtMs - clock.wallMs();
}
