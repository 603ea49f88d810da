import { RunctlError } from '@runctl/core';
import type { Settings } from './schema.ts';

/**
 * What the settings say for one provider alone, as its adapter takes it. Errors: `config-missing` for what it can't do
 * without, before anything is asked of it.
 */
export function providerSettings(settings: Settings): Readonly<Record<string, unknown>> {
  if (settings.provider === 'aws' && settings.instance_profile === undefined)
    throw new RunctlError(
      'config-missing',
      'no instance profile is configured, so instances could not reach the bucket',
      {
        hint: 'put instance_profile = "…" into .runctl.toml or set RUNCTL_INSTANCE_PROFILE; to try it without an account, add --sandbox',
      },
    );
  return givenProviderSettings(settings);
}

/** The same, with whatever is missing left out. */
export function givenProviderSettings(settings: Settings): Readonly<Record<string, unknown>> {
  if (settings.provider !== 'aws') return {};
  const { instance_profile: instanceProfile, subnets, security_groups: securityGroups } = settings;
  return { ...(instanceProfile === undefined ? {} : { instanceProfile }), subnets, securityGroups };
}
