import { isRunctlError, type Clock } from '@runctl/core';
import type { CapacityRequest, MarketSwitch, Provider } from '../port/index.ts';
import { awsData } from './aws-data.ts';
import { classified } from './api/classify.ts';
import { createAwsClients, type AwsAccess, type AwsClients } from './api/clients.ts';
import { explainedRefusal, refusalDecoder } from './api/encoded-refusal.ts';
import { tagsOf, templateNameOf } from './api/tags.ts';
import { renderUserData } from './boot/user-data.ts';
import { endLaunchedFleet } from './capacity/end-fleet.ts';
import { fleetEvents } from './capacity/fleet-events.ts';
import type { FleetOrder } from './capacity/fleet-order.ts';
import { readFleetRef, type FleetRef } from './capacity/fleet-ref.ts';
import { findFleet, fleetState, switchFleet } from './capacity/fleets.ts';
import { launchFleet } from './capacity/launch-fleet.ts';
import { findMachines } from './capacity/machines.ts';
import { createExamination } from './examination/examine.ts';
import { findOffers } from './offers/offers.ts';
import { priceRanges } from './offers/price-ranges.ts';
import { onDemandPrices } from './offers/prices.ts';
import { createSetup } from './preparation/setup.ts';
import { createRunCommand } from './ssm/run-command.ts';
import { checkWayOut } from './preflight/check-way-out.ts';
import { readTarget } from './target/aws-target.ts';
import { resolveTarget } from './target/target.ts';

/** EC2, with one `maintain` fleet for each launch. `options.clock` paces repeated calls and dates the prices. */
export function createAwsProvider(
  options: AwsAccess & { readonly clock: Clock },
): Provider & Required<Pick<Provider, 'account' | 'markets' | 'preflight' | 'prices' | 'shell'>> {
  const { region, clock } = options;
  const clients = createAwsClients(options);
  const { reading, launching } = clients;
  const prices = onDemandPrices({ access: options, clock });
  const accountPorts = { clients, access: options, clock };
  const decode = refusalDecoder(reading, { region, clock, endpoint: options.endpoints?.sts });
  const idOf = (ref: Parameters<typeof readFleetRef>[0]): string => readFleetRef(ref, region).fleetId;
  return {
    ...awsData(region),
    offers: (wish) =>
      classified('looking for capacity pools', () => findOffers(reading, wish, { prices, nowMs: clock.wallMs() })),
    target: (wish, offers) =>
      classified('looking up the image', () => resolveTarget(clients, { region, wish, offers })),
    launch: (request) =>
      classified('creating the fleet', async (): Promise<FleetRef> => {
        const made = await launchFleet(launching, clock, orderOf(request, region));
        return { region, ...made };
      }).catch(async (error: unknown) => {
        throw isRunctlError(error) ? await explainedRefusal(error, decode) : error;
      }),
    find: (run, launch) =>
      classified('looking for the fleet', async () => {
        const found = await findFleet(reading, run, launch);
        return found === null ? null : { region, ...found };
      }),
    state: (ref) => classified('reading the fleet', async () => fleetState(reading, idOf(ref))),
    events: (ref, sinceMs) =>
      classified('reading the events of the fleet', async () => fleetEvents(reading, idOf(ref), sinceMs)),
    machines: (run) => classified('listing instances', () => findMachines(reading, run)),
    end: (launched, { terminate }) =>
      classified('deleting the fleet', () => endLaunchedFleet({ client: reading, clock, region }, launched, terminate)),
    close: () => clients.close(),
    account: { ...createExamination(accountPorts), setup: createSetup(accountPorts) },
    markets: createMarketSwitch(clients, idOf),
    preflight: {
      check: (target, offers) =>
        classified('looking at the routes of the subnets', async () =>
          checkWayOut(reading, readTarget(target, region), offers),
        ),
    },
    prices: {
      ranges: (offers, sinceMs) =>
        classified('reading the history of prices', () => priceRanges(reading, offers, sinceMs)),
    },
    shell: createRunCommand(clients.ssm, clock),
  };
}

function orderOf(request: CapacityRequest, region: string): FleetOrder {
  const { token, target, boot, offers, market, mayChangeMarket = false, nodes, validUntilMs } = request;
  return {
    token,
    templateName: templateNameOf(request),
    tags: tagsOf(request),
    userData: renderUserData(boot),
    target: readTarget(target, region),
    offers,
    market,
    mayChangeMarket,
    nodes,
    validUntilMs,
  };
}

function createMarketSwitch(
  { launching }: AwsClients,
  idOf: (ref: Parameters<typeof readFleetRef>[0]) => string,
): MarketSwitch {
  return {
    switchTo: (ref, market, nodes) =>
      classified(`turning the fleet to ${market}`, async () => switchFleet(launching, idOf(ref), { market, nodes })),
  };
}
