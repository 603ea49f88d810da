import { AwsError } from '../aws-error.ts';
import { defaultSecurityGroup, vpc } from './catalog.ts';
import { newResourceId } from './resource-ids.ts';
import type { Tags } from './tags.ts';

export interface SecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tags: Tags;
}

/** The VPC's security groups. A new one lets nothing in and everything out (EC2 user guide, "Security group rules"). */
export class SecurityGroups {
  readonly #groups: Map<string, SecurityGroup>;

  constructor() {
    const tags = new Map<string, string>();
    const own = { ...defaultSecurityGroup, description: 'default VPC security group', tags };
    this.#groups = new Map([[own.id, own]]);
  }

  list(): readonly SecurityGroup[] {
    return [...this.#groups.values()];
  }

  find(id: string): SecurityGroup | undefined {
    return this.#groups.get(id);
  }

  get(id: string): SecurityGroup {
    const group = this.#groups.get(id);
    if (group !== undefined) return group;
    throw new AwsError('InvalidGroup.NotFound', `The security group '${id}' does not exist`);
  }

  /** Throws what CreateSecurityGroup answers for a name that can't be given. */
  checkName(name: string): void {
    if (name.length > 255 || name.startsWith('sg-'))
      throw new AwsError('InvalidParameterValue', `Invalid value '${name}' for groupName.`);
    if (this.list().some((group) => group.name === name))
      throw new AwsError('InvalidGroup.Duplicate', `The security group '${name}' already exists for VPC '${vpc.id}'`);
  }

  create(name: string, description: string, tags: Tags): SecurityGroup {
    this.checkName(name);
    const group = { id: newResourceId('sg'), name, description, tags };
    this.#groups.set(group.id, group);
    return group;
  }

  /** Throws CannotDelete for the default one. */
  checkDeletable({ id }: SecurityGroup): void {
    if (id === defaultSecurityGroup.id)
      throw new AwsError('CannotDelete', `the specified group: "${id}" name: "default" cannot be deleted by a user`);
  }

  delete({ id }: SecurityGroup): void {
    this.#groups.delete(id);
  }
}
