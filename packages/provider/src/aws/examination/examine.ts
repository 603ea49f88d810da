import { command, type Clock } from '@runctl/core';
import type { Market } from '@runctl/protocol';
import { accountServices } from '../api/account-services.ts';
import { bucketAdministration } from '../api/bucket-administration.ts';
import { classified } from '../api/classify.ts';
import type { AwsAccess, AwsClients } from '../api/clients.ts';
import { subnetsByZone } from '../offers/network.ts';
import { findOffers } from '../offers/offers.ts';
import { onDemandPrices } from '../offers/prices.ts';
import { readAwsSettings } from '../offers/settings.ts';
import { resolveImage } from '../target/images.ts';
import type { ProviderAccount, AccountFinding, ExaminedAccount, Offer, TargetWish } from '../../port/index.ts';
import { dryRuns } from './dry-runs.ts';
import { looking, ok, problem, untold } from './finding.ts';
import { examineIdentity } from './identity.ts';
import { abortsUnfinishedUploads } from './lifecycle.ts';
import { judgeQuotas, listQuotas, vcpusOf } from './quotas.ts';
import { examineProfile, examineServiceRoles } from './role.ts';

/** A launch does not wait longer for one answer to what is only looked at. */
const LAUNCH_TIMEOUT_MS = 4000;

interface ExaminationPorts {
  readonly clients: AwsClients;
  readonly access: AwsAccess;
  readonly clock: Clock;
}

type Findings = Promise<readonly AccountFinding[]>;

export function createExamination(ports: ExaminationPorts): Pick<ProviderAccount, 'examine' | 'examineLaunch'> {
  return {
    examine: (wish) => examineAll(ports, wish),
    examineLaunch: (wish, offers) => examineLaunch(ports, wish, offers),
  };
}

async function* examineAll(ports: ExaminationPorts, wish: ExaminedAccount): AsyncGenerator<AccountFinding> {
  const services = accountServices(ports);
  const identity = await looking('credentials', () => examineIdentity(services, ports.clock));
  yield* identity;
  if (identity.some(({ state }) => state === 'problem')) return;
  const offers = classified('looking', () =>
    findOffers(ports.clients.reading, wish, { prices: onDemandPrices(ports), nowMs: ports.clock.wallMs() }),
  );
  const image = offers.then((found) => imageFor(ports.clients, wish, found));
  const looks: readonly Findings[] = [
    looking('network', () => examineNetwork(ports, wish)),
    looking('machine types', async () => describedOffers(await offers)),
    after(offers, 'image', async () => ok('image', await image)),
    looking('unfinished uploads', () => examineLifecycle(ports, wish)),
    looking('instance profile', async () => examineProfile(services, profileOf(wish))),
    looking('service-linked roles', () => examineServiceRoles(services)),
    after(image, 'rights', async () => examineRights(ports, wish, { offers: await offers, imageId: await image })),
    after(offers, 'quotas', async () => {
      const judge = await quotaJudge(ports, await offers);
      return [...judge(wish.market), ...judge(wish.market === 'spot' ? 'on-demand' : 'spot').map(onlyForFallback)];
    }),
  ];
  for (const look of looks) yield* await look;
}

/** As `looking`, where what it rests on is known; else that is all there is to say. */
async function after(
  before: Promise<unknown>,
  subject: string,
  look: () => Findings | Promise<AccountFinding>,
): Findings {
  const known = await before.then(
    () => true,
    () => false,
  );
  return known ? looking(subject, look) : [untold(subject, 'not looked at, since what comes before it failed')];
}

async function examineLaunch(ports: ExaminationPorts, wish: TargetWish, offers: readonly Offer[]): Findings {
  const hurried = { ...ports, timeoutMs: LAUNCH_TIMEOUT_MS };
  const services = accountServices(hurried);
  const found = await Promise.all([
    looking('instance profile', async () => examineProfile(services, profileOf(wish))),
    looking('service-linked roles', () => examineServiceRoles(services)),
    looking('quotas', async () => usable((await quotaJudge(hurried, offers))(wish.market))),
  ]);
  return found.flat();
}

/** A launch works without the other market; only a change to it does not. */
function onlyForFallback(quota: AccountFinding): AccountFinding {
  return notDecisive(quota, 'only a change of market needs it');
}

/** A problem that a launch may never meet. */
function notDecisive(finding: AccountFinding, why: string): AccountFinding {
  if (finding.state !== 'problem') return finding;
  return { ...finding, state: 'unknown', errorCode: null, text: `${finding.text}; ${why}` };
}

/** One quota that allows a machine is enough for a launch; of the others' types none will come. */
function usable(quotas: readonly AccountFinding[]): readonly AccountFinding[] {
  if (quotas.every(({ state }) => state === 'problem')) return quotas;
  return quotas.map((quota) => notDecisive(quota, 'the launch uses the other types alone'));
}

async function examineNetwork({ clients }: ExaminationPorts, wish: ExaminedAccount): Promise<AccountFinding> {
  const { subnets } = readAwsSettings(wish.settings);
  const zones = [...(await subnetsByZone(clients.reading, subnets)).keys()].sort();
  const kind = subnets.length === 0 ? 'default subnets' : 'the named subnets';
  return ok('network', `${kind} in ${zones.join(', ')}`);
}

function describedOffers(offers: readonly Offer[]): AccountFinding {
  const types = [...new Set(offers.map(({ machineType }) => machineType))];
  const zones = [...new Set(offers.map(({ location }) => location))].sort();
  return ok('machine types', `${types.join(', ')} in ${zones.join(', ')}`);
}

async function imageFor(clients: AwsClients, wish: TargetWish, offers: readonly Offer[]): Promise<string> {
  const types = [...new Set(offers.map(({ machineType }) => machineType))];
  return (await resolveImage({ ec2: clients.reading, ssm: clients.ssm }, wish.image, types)).imageId;
}

function profileOf(wish: TargetWish): string | undefined {
  return readAwsSettings(wish.settings).instanceProfile;
}

async function examineLifecycle(ports: ExaminationPorts, wish: ExaminedAccount): Promise<AccountFinding> {
  const subject = 'unfinished uploads';
  const lifecycle = await bucketAdministration(wish.bucket, ports).read('lifecycle');
  if (abortsUnfinishedUploads(lifecycle, wish.prefix))
    return ok(subject, `a rule of the bucket ${wish.bucket} aborts them`);
  return problem(
    subject,
    `no rule of the bucket ${wish.bucket} aborts them, so what a dead machine left is billed for ever`,
    {
      code: 'config-missing',
      fix: ['add it, and leave the other rules alone: ', command('init', '--cloud')],
    },
  );
}

async function examineRights(
  { clients }: ExaminationPorts,
  wish: ExaminedAccount,
  { offers, imageId }: { readonly offers: readonly Offer[]; readonly imageId: string },
): Findings {
  const { instanceProfile, subnets, securityGroups } = readAwsSettings(wish.settings);
  const [offer] = offers;
  if (offer === undefined || instanceProfile === undefined)
    return [untold('rights', 'not asked: there is no place to ask for')];
  const byZone = subnets.length === 0 ? new Map<string, string>() : await subnetsByZone(clients.reading, subnets);
  return dryRuns(clients, {
    offer,
    imageId,
    instanceProfile,
    subnets: Object.fromEntries(byZone),
    securityGroupIds: securityGroups,
  });
}

/** Reads the quotas once; gives the findings of a market. */
async function quotaJudge(
  ports: ExaminationPorts & { readonly timeoutMs?: number },
  offers: readonly Offer[],
): Promise<(market: Market) => readonly AccountFinding[]> {
  const types = [...new Set(offers.map(({ machineType }) => machineType))].sort();
  const [listed, vcpus] = await Promise.all([
    listQuotas(accountServices(ports)),
    vcpusOf(ports.clients.reading, types),
  ]);
  return (market) => judgeQuotas({ market, vcpus }, listed);
}
