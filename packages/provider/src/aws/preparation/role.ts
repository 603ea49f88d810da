import { elementText } from '@runctl/aws-wire';
import { isDeepStrictEqual } from 'node:util';
import { ServiceRefusal, type AccountServices, type QueryService } from '../api/account-services.ts';
import { SERVICE_LINKED_ROLES, ifThere } from '../examination/role.ts';
import type { AccountItem } from '../../port/index.ts';
import type { PolicyDocument } from './policies.ts';
import { IAM_TAGS, NOT_OURS, changed, isTaggedOurs, type Resource } from './resource.ts';

type Iam = Pick<AccountServices, 'iam'>;

const POLICY_NAME = 'runctl';

interface RoleWish {
  readonly name: string;
  readonly trust: PolicyDocument;
  readonly policy: PolicyDocument;
}

/** The role of machines, with one inline policy. One that is there and not ours is taken as it is. */
export function roleResource({ iam }: Iam, { name, trust, policy }: RoleWish): Resource {
  const kind = 'role';
  const shared = { kind, name };
  const RoleName = name;
  return {
    kind,
    look: async (): Promise<AccountItem> => {
      const xml = await ifThere(iam.call('GetRole', { RoleName }));
      if (xml === null)
        return {
          ...shared,
          state: 'missing',
          ours: false,
          note: 'reaches its runs in the bucket, ends its own fleets, nothing else',
        };
      const note = 'runctl did not make it: `runctl init --print iam` shows what it must allow';
      if (!isTaggedOurs(xml)) return { ...shared, state: 'there', ours: false, note };
      const isSame = isDeepStrictEqual(await currentPolicy(iam, RoleName), policy);
      if (isSame) return { ...shared, state: 'there', ours: true, note: null };
      return { ...shared, state: 'differs', ours: true, note: 'its rights are those of another bucket or prefix' };
    },
    make: async ({ state }) => {
      const AssumeRolePolicyDocument = JSON.stringify(trust);
      const Description = 'Machines of runctl: their runs in the bucket, and the end of their own fleets';
      if (state === 'missing')
        await iam.call('CreateRole', { RoleName, AssumeRolePolicyDocument, Description, ...IAM_TAGS });
      const PolicyDocument = JSON.stringify(policy);
      await iam.call('PutRolePolicy', { RoleName, PolicyName: POLICY_NAME, PolicyDocument });
      return changed(shared, state === 'missing' ? 'made' : 'changed');
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      await ifThere(iam.call('DeleteRolePolicy', { RoleName, PolicyName: POLICY_NAME }));
      return removed(shared, iam.call('DeleteRole', { RoleName }), 'something was added to it: take that off first');
    },
  };
}

async function currentPolicy(iam: QueryService, RoleName: string): Promise<unknown> {
  const xml = await ifThere(iam.call('GetRolePolicy', { RoleName, PolicyName: POLICY_NAME }));
  const text = xml === null ? null : elementText(xml, 'PolicyDocument');
  return text === null ? null : (JSON.parse(decodeURIComponent(text)) as unknown);
}

/** What hands the role to machines; it and the role have one name. */
export function profileResource({ iam }: Iam, name: string): Resource {
  const kind = 'instance profile';
  const shared = { kind, name };
  const InstanceProfileName = name;
  return {
    kind,
    look: async (): Promise<AccountItem> => {
      const xml = await ifThere(iam.call('GetInstanceProfile', { InstanceProfileName }));
      if (xml === null) return { ...shared, state: 'missing', ours: false, note: null };
      // The role in it has tags of its own.
      const ours = isTaggedOurs(xml.replace(/<Roles>[^]*<\/Roles>/, ''));
      if (elementText(xml, 'RoleName') !== null)
        return { ...shared, state: 'there', ours, note: ours ? null : NOT_OURS };
      return { ...shared, state: ours ? 'differs' : 'there', ours, note: 'it holds no role' };
    },
    make: async ({ state }) => {
      if (state === 'missing') await iam.call('CreateInstanceProfile', { InstanceProfileName, ...IAM_TAGS });
      await iam.call('AddRoleToInstanceProfile', { InstanceProfileName, RoleName: name });
      return changed(shared, state === 'missing' ? 'made' : 'changed');
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      await ifThere(iam.call('RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName: name }));
      return removed(shared, iam.call('DeleteInstanceProfile', { InstanceProfileName }), 'it holds another role');
    },
  };
}

/** IAM refuses to delete what something else hangs on. */
async function removed(shared: Pick<AccountItem, 'kind' | 'name'>, call: Promise<unknown>, kept: string) {
  try {
    await call;
    return changed(shared, 'removed');
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.name !== 'DeleteConflict') throw error;
    return changed(shared, 'kept', `${kept} (${error.message})`);
  }
}

/** Roles that EC2 uses for spot. The whole account shares them, so they stay. */
export function linkedRoleResources({ iam }: Iam): readonly Resource[] {
  const kind = 'service-linked role';
  return SERVICE_LINKED_ROLES.map(({ name, service }): Resource => {
    const shared = { kind, name };
    return {
      kind,
      look: async () => {
        const xml = await ifThere(iam.call('GetRole', { RoleName: name }));
        return { ...shared, state: xml === null ? 'missing' : 'there', ours: false, note: null };
      },
      make: async () => {
        await iam.call('CreateServiceLinkedRole', { AWSServiceName: service });
        return changed(shared, 'made');
      },
      remove: () => Promise.resolve(changed(shared, 'kept', 'the whole account shares it')),
    };
  });
}
