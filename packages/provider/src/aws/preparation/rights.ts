import { sha256Hex, elementText } from '@runctl/aws-wire';
import { RunctlError } from '@runctl/core';
import { ServiceRefusal, type AccountServices } from '../api/account-services.ts';
import { ifThere } from '../examination/role.ts';
import { instancePolicy, type PolicyDocument, type PolicyNames } from './policies.ts';

/**
 * Rights of the role of machines. IAM is one for all regions and a role serves every bucket and prefix that was made ready
 * with it, so each of these has an inline policy of its own, which alone is put and deleted for it.
 */
export interface RoleRights {
  /** What the own policy says; null where there is none. */
  current(): Promise<unknown>;
  readonly wanted: PolicyDocument;
  /** Errors: `config-invalid` where the role has no room for it. */
  put(): Promise<void>;
  /** Whether there was one. */
  remove(): Promise<boolean>;
  /** Names of the role's other inline policies; none where there is no role. */
  others(): Promise<readonly string[]>;
}

export function roleRights({ iam }: Pick<AccountServices, 'iam'>, names: PolicyNames): RoleRights {
  const wanted = instancePolicy(names);
  const RoleName = names.role;
  const PolicyName = policyName(names);
  return {
    wanted,
    current: async () => {
      const xml = await ifThere(iam.call('GetRolePolicy', { RoleName, PolicyName }));
      const text = xml === null ? null : elementText(xml, 'PolicyDocument');
      return text === null ? null : (JSON.parse(decodeURIComponent(text)) as unknown);
    },
    put: async () => {
      try {
        await iam.call('PutRolePolicy', { RoleName, PolicyName, PolicyDocument: JSON.stringify(wanted) });
      } catch (error) {
        throw error instanceof ServiceRefusal && error.name === 'LimitExceeded' ? isFull(RoleName, error) : error;
      }
    },
    remove: async () => (await ifThere(iam.call('DeleteRolePolicy', { RoleName, PolicyName }))) !== null,
    others: async () => {
      const found: string[] = [];
      for (let marker: string | null = ''; marker !== null;) {
        const from: Record<string, string> = marker === '' ? {} : { Marker: marker };
        const xml = await ifThere(iam.call('ListRolePolicies', { RoleName, ...from }));
        found.push(...[...(xml ?? '').matchAll(/<member>([^<]*)<\/member>/g)].map(([, name = '']) => name));
        marker = xml === null ? null : elementText(xml, 'Marker');
      }
      return found.filter((name) => name !== PolicyName);
    },
  };
}

/** Begins the names of policies of a region's buckets, or of the prefixes of one of them. Names have at most 128 characters. */
export function policyNamesOf({ region, bucket }: { readonly region: string; readonly bucket?: string }): string {
  return `runctl_${region}_${bucket === undefined ? '' : `${bucket.slice(0, 63)}_`}`;
}

function policyName({ region, bucket, prefix }: PolicyNames): string {
  return policyNamesOf({ region, bucket }) + sha256Hex(`${bucket}/${prefix}`).slice(0, 10);
}

/** Why what gives machines the rights stays. */
export function staysFor(others: readonly string[]): string {
  return `has other rights too, for which --destroy keeps it: ${others.join(', ')}`;
}

function isFull(role: string, cause: ServiceRefusal): RunctlError {
  return new RunctlError('config-invalid', `the role ${role} has no room for the rights on another bucket or prefix`, {
    hint: 'take another role with --instance-profile NAME, or give back with init --destroy what is not needed any more',
    cause,
  });
}
