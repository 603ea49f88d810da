import { RunctlError, type Environment } from '@runctl/core';
import { variableOf } from '../options/declaration/option-declaration.ts';
import { profileRegion } from './aws-profile.ts';
import { environmentValues } from './environment.ts';
import { fileSources, type FilesWanted } from './files.ts';
import { settingsWith, type Settings } from './schema.ts';
import { readSource, type GivenSetting } from './source.ts';

export interface SettingsSources extends FilesWanted {
  /** What the command line gives; undefined values count as not given. */
  readonly flags: Partial<Settings>;
}

/**
 * Settings of, from weakest to strongest: the region of the AWS profile, the user's folder, the project's `.runctl.toml`,
 * `RUNCTL_*`, flags. Errors: `config-invalid` with the place, the key and, for an unknown one, the nearest.
 */
export async function loadSettings(sources: SettingsSources): Promise<Settings> {
  const { environment } = sources;
  const files = await fileSources(sources);
  const given: Partial<Settings> = Object.assign(
    {},
    readSource(ambientSource(environment)),
    ...files.map(readSource).map((values) => (isSandbox(environment) ? settingsWithoutAccount(values) : values)),
    readSource(environmentSource(environment)),
    Object.fromEntries(Object.entries(sources.flags).filter(([, value]) => value !== undefined)),
  );
  const region = given.region ?? (await regionOfProfile(sources, given.profile));
  return settingsWith({ ...given, region });
}

/** In a local cloud's environment there are no profiles. */
async function regionOfProfile(sources: SettingsSources, profile: string | undefined): Promise<string | undefined> {
  if (isSandbox(sources.environment)) return undefined;
  const region = await profileRegion(profile ?? null, sources);
  if (region === null) return undefined;
  const path = '~/.aws/config';
  return readSource([{ key: 'region', given: region, place: { kind: 'file', path, key: 'region' } }]).region;
}

function environmentSource(environment: Environment): GivenSetting[] {
  return Object.entries(environmentValues(environment)).map(([key, given]) => ({
    key,
    given,
    place: { kind: 'variable', name: variableOf(key) },
  }));
}

/** What the SDK itself would go by; a project's own region is stronger. */
function ambientSource(environment: Environment): GivenSetting[] {
  const name = environment['AWS_REGION'] ? 'AWS_REGION' : 'AWS_DEFAULT_REGION';
  const region = environment[name];
  return region ? [{ key: 'region', given: region, place: { kind: 'variable', name } }] : [];
}

const ACCOUNT_KEYS: ReadonlySet<string> = new Set([
  'bucket',
  'prefix',
  'region',
  'provider',
  'profile',
  'instance_profile',
  'subnets',
  'security_groups',
  'ami',
]);

/** An environment made by `sandbox env`: what names a real account in a file then has no meaning. */
export function isSandbox(environment: Environment): boolean {
  return [environment['RUNCTL_SANDBOX_STATE'], environment['AWS_ENDPOINT_URL']].every((value) => Boolean(value));
}

/** What names a real account left out, as a local cloud needs it. */
export function settingsWithoutAccount(values: Partial<Settings>): Partial<Settings> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !ACCOUNT_KEYS.has(key)));
}

/** The bucket, or the error that says how to get one. */
export function requiredBucket(settings: Settings): string {
  if (settings.bucket !== undefined) return settings.bucket;
  throw new RunctlError('config-missing', 'no bucket is configured, so there is no place for runs', {
    hint: 'put bucket = "…" into .runctl.toml, or set RUNCTL_BUCKET; to try it without an account, add --sandbox',
  });
}

/** The region, or the error that says how to name one. */
export function requiredRegion(settings: Settings): string {
  if (settings.region !== undefined) return settings.region;
  throw new RunctlError('config-missing', 'no region is configured', {
    hint: 'put region = "us-east-1" into .runctl.toml, or set RUNCTL_REGION or AWS_REGION; to try it without an account, add --sandbox',
  });
}
