import { RunctlError } from '@runctl/core';
import { accountServices, type ServiceConnection } from '../api/account-services.ts';
import { bucketAdministration } from '../api/bucket-administration.ts';
import { classified } from '../api/classify.ts';
import type { AwsClients } from '../api/clients.ts';
import { activeFleets } from '../capacity/fleets.ts';
import { callerIdentity } from '../examination/identity.ts';
import { readAwsSettings } from '../offers/settings.ts';
import type {
  AccountChange,
  AccountItem,
  AccountPreparation,
  AccountSetup,
  PreparationWish,
} from '../../port/index.ts';
import { abortRuleResource, bucketResource } from './bucket.ts';
import { trustPolicy, type PolicyNames } from './policies.ts';
import { printed } from './printed.ts';
import type { Resource } from './resource.ts';
import { roleRights } from './rights.ts';
import { linkedRoleResources, profileResource, roleResource } from './role.ts';
import { groupResource, type GroupResource } from './security-group.ts';
import { waitUntilUsable } from './usable-profile.ts';

/** Name of profile and role where none is chosen. */
const USUAL_ROLE = 'runctl-instance';

interface SetupPorts extends ServiceConnection {
  readonly clients: AwsClients;
}

export function createSetup(ports: SetupPorts): AccountSetup {
  const { region } = ports.access;
  return {
    activeLaunches: () => classified('looking for fleets', () => activeFleets(ports.clients.reading)),
    look: (wish) => classified('looking at the account', async () => lookAt(await resourcesOf(ports, wish))),
    make: (wish) => makeAll(ports, wish),
    remove: (wish) => removeAll(ports, wish),
    print: async (form, wish) => printed(form, namesFor(wish, { account: null, region })),
  };
}

interface Resources {
  readonly names: PolicyNames;
  readonly group: GroupResource;
  /** In the order in which they are made. */
  readonly all: readonly Resource[];
}

/** Names that the wish leaves open are filled in; `ACCOUNT` stands for an account that is not known. */
function namesFor(
  wish: PreparationWish,
  of: { readonly account: string | null; readonly region: string },
): PolicyNames {
  const account = of.account ?? 'ACCOUNT';
  const role = wish.machineRole ?? USUAL_ROLE;
  if (role.startsWith('arn:'))
    throw new RunctlError('config-invalid', `${role} is made elsewhere: a profile is made by its name`, {
      hint: 'give a name with --instance-profile, or leave it out',
    });
  const bucket = wish.bucket ?? `runctl-${account}-${of.region}`;
  return { account, bucket, prefix: wish.prefix, role, region: of.region };
}

async function resourcesOf(ports: SetupPorts, wish: PreparationWish): Promise<Resources> {
  const { region } = ports.access;
  const services = accountServices(ports);
  const { account } = await callerIdentity(services);
  const names = namesFor(wish, { account, region });
  const place = { bucket: names.bucket, region, prefix: names.prefix };
  const administration = bucketAdministration(names.bucket, ports);
  const rights = roleRights(services, names);
  const { subnets, securityGroups: named } = readAwsSettings(wish.settings);
  const group = groupResource(ports.clients.reading, { subnets, named, region, rights });
  const role = { name: names.role, trust: trustPolicy(names), rights };
  return {
    names,
    group,
    all: [
      bucketResource(administration, { ...place, rights }),
      abortRuleResource(administration, place),
      roleResource(services, role),
      profileResource(services, role),
      group,
      ...linkedRoleResources(services),
    ],
  };
}

async function lookAt({ names, group, all }: Resources): Promise<AccountPreparation> {
  const items = await Promise.all(all.map((resource) => resource.look()));
  const groupId = await group.idToConfigure();
  return {
    account: names.account,
    items,
    settings: {
      bucket: names.bucket,
      ...(names.prefix === '' ? {} : { prefix: names.prefix }),
      instance_profile: names.role,
      ...(groupId === null ? {} : { security_groups: [groupId] }),
    },
  };
}

async function* makeAll(ports: SetupPorts, wish: PreparationWish): AsyncGenerator<AccountChange, AccountPreparation> {
  const resources = await classified('looking at the account', () => resourcesOf(ports, wish));
  let isNewProfile = false;
  for (const resource of resources.all) {
    // Each is looked at right before: what is made changes what others find.
    const change = await classified(`making the ${resource.kind}`, async () => {
      const item = await resource.look();
      return item.state === 'missing' || item.state === 'differs' ? resource.make(item) : null;
    });
    if (change === null) continue;
    isNewProfile ||= change.kind === 'instance profile';
    yield change;
  }
  if (isNewProfile)
    yield await classified('waiting for the instance profile', () =>
      waitUntilUsable(ports.clients, ports.clock, resources.names.role),
    );
  return classified('looking at the account', () => lookAt(resources));
}

async function* removeAll(ports: SetupPorts, wish: PreparationWish): AsyncGenerator<AccountChange> {
  const { all } = await classified('looking at the account', () => resourcesOf(ports, wish));
  for (const resource of removalOrder(all)) {
    const change = await classified(`removing the ${resource.kind}`, async () => {
      const item = await resource.look();
      return isThere(item) ? resource.remove(item) : null;
    });
    if (change !== null) yield change;
  }
}

/** What others hang on goes last, but the bucket's rule goes with the bucket or not before it. */
function removalOrder(all: readonly Resource[]): readonly Resource[] {
  const [bucket, rule, ...others] = all;
  return [...others.toReversed(), bucket, rule].filter((each) => each !== undefined);
}

function isThere({ state, ours }: AccountItem): boolean {
  return state === 'there' || state === 'differs' || ours;
}
