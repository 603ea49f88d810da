import { elementText } from '@runctl/aws-wire';
import { isDeepStrictEqual } from 'node:util';
import { ServiceRefusal, type AccountServices } from '../api/account-services.ts';
import { SERVICE_LINKED_ROLES, ifThere } from '../examination/role.ts';
import type { AccountItem } from '../../port/index.ts';
import type { PolicyDocument } from './policies.ts';
import { staysFor, type RoleRights } from './rights.ts';
import { IAM_TAGS, NOT_OURS, changed, isTaggedOurs, type Resource } from './resource.ts';

type Iam = Pick<AccountServices, 'iam'>;

const WITHOUT_SSM =
  'status --live and attach reach no machine by SSM unless AmazonSSMManagedEC2InstanceDefaultPolicy is attached to it';

interface RoleWish {
  readonly name: string;
  readonly trust: PolicyDocument;
  readonly rights: RoleRights;
}

/** The role of machines. One that is there and not ours is taken as it is. */
export function roleResource({ iam }: Iam, { name, trust, rights }: RoleWish): Resource {
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
          note: 'reads and writes its runs in the bucket, sees the names of all that is in it, ends its own fleets; no SSM',
        };
      const note = 'runctl did not make it: `runctl init --print iam` shows what it must allow';
      if (!isTaggedOurs(xml)) return { ...shared, state: 'there', ours: false, note };
      const [current, others] = await Promise.all([rights.current(), rights.others()]);
      if (isDeepStrictEqual(current, rights.wanted))
        return { ...shared, state: 'there', ours: true, note: others.length === 0 ? null : staysFor(others) };
      return {
        ...shared,
        state: 'differs',
        ours: true,
        note:
          current === null
            ? 'gets rights on this bucket and prefix too'
            : 'its rights on this bucket are not as they should be',
      };
    },
    make: async ({ state }) => {
      const AssumeRolePolicyDocument = JSON.stringify(trust);
      const Description = 'Machines of runctl: their runs in the bucket, and the end of their own fleets';
      if (state === 'missing')
        await iam.call('CreateRole', { RoleName, AssumeRolePolicyDocument, Description, ...IAM_TAGS });
      await rights.put();
      return state === 'missing' ? changed(shared, 'made', WITHOUT_SSM) : changed(shared, 'changed');
    },
    remove: async ({ ours }) => {
      if (!ours) return changed(shared, 'kept', NOT_OURS);
      const hadRights = await rights.remove();
      const others = await rights.others();
      if (others.length > 0)
        return hadRights
          ? changed(shared, 'changed', `without its rights on this bucket and prefix; it ${staysFor(others)}`)
          : changed(shared, 'kept', `it ${staysFor(others)}`);
      return removed(shared, iam.call('DeleteRole', { RoleName }), 'something was added to it: take that off first');
    },
  };
}

/** What hands the role to machines; it and the role have one name. */
export function profileResource({ iam }: Iam, { name, rights }: Pick<RoleWish, 'name' | 'rights'>): Resource {
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
      const others = await rights.others();
      if (others.length > 0) return changed(shared, 'kept', `its role ${staysFor(others)}`);
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
