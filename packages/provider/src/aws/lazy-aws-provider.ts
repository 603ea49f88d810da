import type { Clock } from '@runctl/core';
import type { Provider } from '../port/index.ts';
import type { AwsAccess } from './api/clients.ts';
import { awsData } from './aws-data.ts';

/** AWS whose adapter and SDK are loaded at the first call: commands that only read the bucket never pay for them. */
export function createLazyAwsProvider(options: {
  readonly region: string;
  readonly clock: Clock;
  readonly access: () => Promise<AwsAccess>;
}): Provider {
  const { region, clock, access } = options;
  type Loaded = Provider & Required<Pick<Provider, 'account' | 'markets' | 'preflight' | 'prices' | 'shell'>>;
  let loading: Promise<Loaded> | null = null;
  const load = (): Promise<Loaded> =>
    (loading ??= import('./aws-provider.ts').then(async ({ createAwsProvider }) =>
      createAwsProvider({ ...(await access()), clock }),
    ));
  return {
    ...awsData(region),
    offers: async (...args) => (await load()).offers(...args),
    target: async (...args) => (await load()).target(...args),
    launch: async (...args) => (await load()).launch(...args),
    find: async (...args) => (await load()).find(...args),
    state: async (...args) => (await load()).state(...args),
    events: async (...args) => (await load()).events(...args),
    machines: async (...args) => (await load()).machines(...args),
    end: async (...args) => (await load()).end(...args),
    account: {
      examine: async function* (...args) {
        yield* (await load()).account.examine(...args);
      },
      examineLaunch: async (...args) => (await load()).account.examineLaunch(...args),
      setup: {
        activeLaunches: async () => (await load()).account.setup.activeLaunches(),
        look: async (...args) => (await load()).account.setup.look(...args),
        make: async function* (...args) {
          return yield* (await load()).account.setup.make(...args);
        },
        remove: async function* (...args) {
          yield* (await load()).account.setup.remove(...args);
        },
        print: async (...args) => (await load()).account.setup.print(...args),
      },
    },
    markets: { switchTo: async (...args) => (await load()).markets.switchTo(...args) },
    preflight: { check: async (...args) => (await load()).preflight.check(...args) },
    prices: { ranges: async (...args) => (await load()).prices.ranges(...args) },
    shell: { run: async (...args) => (await load()).shell.run(...args) },
    close: () => {
      loading?.then(
        (provider) => provider.close(),
        () => {},
      );
    },
  };
}
