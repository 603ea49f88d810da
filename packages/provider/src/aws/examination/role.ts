import { elementText } from '@runctl/aws-wire';
import { command } from '@runctl/core';
import { ServiceRefusal, type AccountServices } from '../api/account-services.ts';
import type { AccountFinding } from '../../port/index.ts';
import { ok, problem, untold } from './finding.ts';

type Iam = Pick<AccountServices, 'iam'>;

/** Roles that AWS makes for its own services, once per account; a fleet needs both (EC2 user guide, "EC2 Fleet prerequisites"). */
export const SERVICE_LINKED_ROLES = [
  { name: 'AWSServiceRoleForEC2Spot', service: 'spot.amazonaws.com' },
  { name: 'AWSServiceRoleForEC2Fleet', service: 'ec2fleet.amazonaws.com' },
] as const;

/** As the call, or null where IAM says that there is no such thing. */
export async function ifThere<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.name === 'NoSuchEntity') return null;
    throw error;
  }
}

/** The instance profile exists and gives a role. `profile` is its name or ARN. */
export async function examineProfile({ iam }: Iam, profile: string | undefined): Promise<AccountFinding> {
  const subject = 'instance profile';
  const fix = ['name one with --instance-profile, or make one: ', command('init', '--cloud')];
  if (profile === undefined)
    return problem(subject, 'none is configured, so machines could not reach the bucket', {
      code: 'config-missing',
      fix,
    });
  const name = profile.split('/').at(-1) ?? profile;
  const xml = await ifThere(iam.call('GetInstanceProfile', { InstanceProfileName: name }));
  if (xml === null)
    return problem(subject, `this account has no instance profile ${name}`, { code: 'config-invalid', fix });
  const role = elementText(xml, 'RoleName');
  if (role === null)
    return problem(subject, `the instance profile ${name} holds no role, so machines could not reach the bucket`, {
      code: 'config-invalid',
      fix,
    });
  const other = profile.startsWith('arn:') && !xml.includes(`<Arn>${profile}</Arn>`);
  if (other) return untold(subject, `${profile} may be of another account: here is one named ${name} with another ARN`);
  return ok(subject, `${name}, with the role ${role}`);
}

export async function examineServiceRoles({ iam }: Iam): Promise<readonly AccountFinding[]> {
  const found = await Promise.all(
    SERVICE_LINKED_ROLES.map(({ name }) => ifThere(iam.call('GetRole', { RoleName: name }))),
  );
  return SERVICE_LINKED_ROLES.map(({ name, service }, index) => {
    const subject = `service-linked role ${name}`;
    if (found[index] !== null) return ok(subject, 'exists');
    return problem(subject, 'does not exist, and a fleet needs it', {
      code: 'config-missing',
      fix: [
        `once per account: \`aws iam create-service-linked-role --aws-service-name ${service}\`, or `,
        command('init', '--cloud'),
      ],
    });
  });
}
