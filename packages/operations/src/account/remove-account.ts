import { RunctlError, command } from '@runctl/core';
import type { AccountChange, AccountPreparation, AccountSetup, PreparationWish, Provider } from '@runctl/provider';

interface Removal {
  readonly setup: AccountSetup;
  readonly wish: PreparationWish;
}

/** What of the account is ours and would be removed. Errors: `run-active` while a run has machines or waits for them. A read. */
export async function lookAtRemoval(
  provider: Pick<Provider, 'machines'>,
  { setup, wish }: Removal,
): Promise<Pick<AccountPreparation, 'account' | 'items'>> {
  await refuseWhileInUse(provider, setup);
  const { account, items } = await setup.look(wish);
  return { account, items: items.filter(({ ours }) => ours) };
}

/** Removes what is ours. Errors: as `lookAtRemoval`. */
export async function* removeAccount(
  provider: Pick<Provider, 'machines'>,
  { setup, wish }: Removal,
): AsyncGenerator<AccountChange> {
  await refuseWhileInUse(provider, setup);
  yield* setup.remove(wish);
}

/** A machine without its role can save nothing any more, nor end itself; a launch without it makes machines that can't begin. */
async function refuseWhileInUse(provider: Pick<Provider, 'machines'>, setup: AccountSetup): Promise<void> {
  const [machines, launches] = await Promise.all([provider.machines(), setup.activeLaunches()]);
  const living = machines
    .filter(({ state }) => state !== 'ended')
    .map(({ machineId, run }) => ({ name: machineId, run, does: 'still lives' }));
  const withoutMachine = launches
    .filter(({ run }) => run === null || !living.some((machine) => machine.run === run))
    .map(({ name, run }) => ({ name, run, does: 'still waits for a machine' }));
  const [first, ...more] = [...living, ...withoutMachine];
  if (first === undefined) return;
  const { name, run, does } = first;
  const others = more.length === 0 ? '' : `, and ${more.length} more ${more.length === 1 ? 'is' : 'are'} in use`;
  throw new RunctlError('run-active', `${name}${run === null ? '' : ` of ${run}`} ${does}${others}`, {
    hint: ['machines need their role until they have ended: ', command('stop', run ?? 'RUN')],
  });
}
