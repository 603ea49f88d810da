import { RunctlError, command } from '@runctl/core';
import type { AccountChange, AccountPreparation, AccountSetup, PreparationWish, Provider } from '@runctl/provider';

/** What of the account is ours and would be removed. Errors: `run-active` while machines of runs live. A read. */
export async function lookAtRemoval(
  provider: Pick<Provider, 'machines'>,
  { setup, wish }: { readonly setup: AccountSetup; readonly wish: PreparationWish },
): Promise<Pick<AccountPreparation, 'account' | 'items'>> {
  await refuseWhileMachinesLive(provider);
  const { account, items } = await setup.look(wish);
  return { account, items: items.filter(({ ours }) => ours) };
}

/** Removes what is ours. Errors: as `lookAtRemoval`. */
export async function* removeAccount(
  provider: Pick<Provider, 'machines'>,
  { setup, wish }: { readonly setup: AccountSetup; readonly wish: PreparationWish },
): AsyncGenerator<AccountChange> {
  await refuseWhileMachinesLive(provider);
  yield* setup.remove(wish);
}

/** A machine without its role can save nothing any more, nor end itself. */
async function refuseWhileMachinesLive(provider: Pick<Provider, 'machines'>): Promise<void> {
  const living = (await provider.machines()).filter(({ state }) => state !== 'ended');
  const [first] = living;
  if (first === undefined) return;
  const more = living.length === 1 ? '' : ` and ${living.length - 1} more`;
  throw new RunctlError(
    'run-active',
    `${first.machineId}${first.run === null ? '' : ` of ${first.run}`}${more} still lives`,
    {
      hint: ['machines need their role until they have ended: ', command('stop', first.run ?? 'RUN')],
    },
  );
}
