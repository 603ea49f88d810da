import { randomBytes } from 'node:crypto';
import { AwsError } from '../aws-error.ts';
import { instanceProfileName } from '../ec2/launch-spec.ts';
import type { Tags } from '../ec2/tags.ts';

export interface Role {
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly createdAtMs: number;
  readonly description: string | null;
  trustPolicy: string;
  readonly tags: Tags;
  /** Inline policies by name. */
  readonly policies: Map<string, string>;
  /** ARNs of managed policies. */
  readonly attached: Set<string>;
}

export interface InstanceProfile {
  readonly name: string;
  readonly id: string;
  readonly createdAtMs: number;
  readonly tags: Tags;
  role: Role | null;
  /** When its role was last changed. */
  changedAtMs: number;
}

/** Services whose roles EC2 needs for spot, with the names that AWS gives them. */
const linkedRoleNames: Readonly<Record<string, string>> = {
  'spot.amazonaws.com': 'AWSServiceRoleForEC2Spot',
  'ec2fleet.amazonaws.com': 'AWSServiceRoleForEC2Fleet',
};

/** Of all inline policies of a role together, white space not counted (IAM user guide, "IAM and STS quotas"). */
const maximumPolicyCharacters = 10_240;

function newId(prefix: string): string {
  return `${prefix}${randomBytes(10).toString('hex').toUpperCase().slice(0, 17)}`;
}

/**
 * Roles and instance profiles of the account. A new account of ours has what a launch needs: the profile with its role and
 * the two service-linked roles. Throws IAM's errors.
 */
export class Roles {
  readonly #roles = new Map<string, Role>();
  readonly #profiles = new Map<string, InstanceProfile>();
  readonly #nowMs: () => number;
  readonly #unusableMs: () => number;

  /** `unusableMs`: how long EC2 does not know a profile that was just changed. */
  constructor(nowMs: () => number, unusableMs: () => number) {
    this.#nowMs = nowMs;
    this.#unusableMs = unusableMs;
    for (const service of Object.keys(linkedRoleNames)) this.createLinkedRole(service);
    this.createRole({ name: instanceProfileName, trustPolicy: '{}', description: null, tags: new Map() });
    const profile = this.createProfile(instanceProfileName, new Map());
    this.addRole(profile, this.role(instanceProfileName));
    profile.changedAtMs = Number.NEGATIVE_INFINITY;
  }

  role(name: string): Role {
    const role = this.#roles.get(name);
    if (role !== undefined) return role;
    throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`);
  }

  profile(name: string): InstanceProfile {
    const profile = this.#profiles.get(name);
    if (profile !== undefined) return profile;
    throw new AwsError('NoSuchEntity', `Instance Profile ${name} cannot be found.`);
  }

  /** Whether EC2 launches with the profile: it exists, and has for long enough. */
  isUsable(name: string): boolean {
    const profile = this.#profiles.get(name);
    return profile !== undefined && this.#nowMs() - profile.changedAtMs >= this.#unusableMs();
  }

  createRole(role: Pick<Role, 'name' | 'trustPolicy' | 'description' | 'tags'>, path = '/'): Role {
    if (this.#roles.has(role.name))
      throw new AwsError('EntityAlreadyExists', `Role with name ${role.name} already exists.`);
    checkPolicy(role.trustPolicy);
    const made = { ...role, path, id: newId('AROA'), createdAtMs: this.#nowMs() };
    const whole: Role = { ...made, policies: new Map<string, string>(), attached: new Set<string>() };
    this.#roles.set(role.name, whole);
    return whole;
  }

  createLinkedRole(service: string): Role {
    const name = linkedRoleNames[service];
    if (name === undefined)
      throw new AwsError('InvalidInput', `Service-linked roles of ${service} are not modelled here.`);
    if (this.#roles.has(name))
      throw new AwsError(
        'InvalidInput',
        `Service role name ${name} has been taken in this account, please try a different suffix.`,
      );
    const role = { name, trustPolicy: '{}', description: null, tags: new Map<string, string>() };
    return this.createRole(role, `/aws-service-role/${service}/`);
  }

  putPolicy(role: Role, name: string, document: string): void {
    checkPolicy(document);
    const policies = new Map(role.policies).set(name, document);
    if (charactersOf([...policies.values()].join('')) > maximumPolicyCharacters)
      throw new AwsError(
        'LimitExceeded',
        `Maximum policy size of ${maximumPolicyCharacters} bytes exceeded for role ${role.name}`,
      );
    role.policies.set(name, document);
  }

  deleteRole(role: Role): void {
    if ([...this.#profiles.values()].some((profile) => profile.role === role))
      throw conflict('must remove roles from instance profile first');
    if (role.policies.size > 0) throw conflict('must delete policies first');
    if (role.attached.size > 0) throw conflict('must detach all policies first');
    this.#roles.delete(role.name);
  }

  /** What a person would do by deleting the service-linked role, whose deletion IAM does later. */
  forgetLinkedRoles(): void {
    for (const name of Object.values(linkedRoleNames)) this.#roles.delete(name);
  }

  createProfile(name: string, tags: Tags): InstanceProfile {
    if (this.#profiles.has(name)) throw new AwsError('EntityAlreadyExists', `Instance Profile ${name} already exists.`);
    const nowMs = this.#nowMs();
    const profile = { name, id: newId('AIPA'), createdAtMs: nowMs, changedAtMs: nowMs, tags, role: null };
    this.#profiles.set(name, profile);
    return profile;
  }

  addRole(profile: InstanceProfile, role: Role): void {
    if (profile.role !== null)
      throw new AwsError('LimitExceeded', 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
    profile.role = role;
    profile.changedAtMs = this.#nowMs();
  }

  removeRole(profile: InstanceProfile, role: Role): void {
    if (profile.role !== role)
      throw new AwsError('NoSuchEntity', `The role with name ${role.name} is not in the instance profile.`);
    profile.role = null;
  }

  deleteProfile(profile: InstanceProfile): void {
    if (profile.role !== null) throw conflict('must remove roles from instance profile first');
    this.#profiles.delete(profile.name);
  }
}

function conflict(what: string): AwsError {
  return new AwsError('DeleteConflict', `Cannot delete entity, ${what}.`);
}

function charactersOf(document: string): number {
  return document.replaceAll(/\s/g, '').length;
}

/** IAM takes any JSON object here; what it says is not evaluated. */
function checkPolicy(document: string): void {
  try {
    JSON.parse(document);
  } catch {
    throw new AwsError('MalformedPolicyDocument', 'Syntax errors in policy.');
  }
}
