import { RunctlError } from '@runctl/core';
import type { AccountSetup, PreparationWish } from '@runctl/provider';
import { givenProviderSettings } from '../settings/provider-settings.ts';
import type { Settings } from '../settings/schema.ts';
import type { Connected } from './command.ts';

/** The names under which an account is made ready, as far as the settings give them. */
export function preparationWishOf(settings: Settings): PreparationWish {
  return {
    bucket: settings.bucket ?? null,
    prefix: settings.prefix,
    machineRole: settings.instance_profile ?? null,
    settings: givenProviderSettings(settings),
  };
}

/** Errors: `config-invalid` for a provider whose accounts can't be made ready. */
export function setupOf({ cloud }: Connected): AccountSetup {
  const { account, name } = cloud.provider;
  if (account !== undefined) return account.setup;
  throw new RunctlError('config-invalid', `an account of ${name} can't be made ready from here`, {
    hint: `see the documentation of ${name}`,
  });
}
