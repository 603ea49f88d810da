import { RunctlError, messageOf, nearest, type Environment } from '@runctl/core';
import { readFile } from 'node:fs/promises';
import { dirname, join, parse as parsePath, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { profileRegion } from './aws-profile.ts';
import { environmentValues, variableOf } from './environment.ts';
import { settingKeys, settingsSchema, type Settings, type SettingsInput } from './schema.ts';

export interface SettingsSources {
  /** What the command line says; undefined values count as not said. */
  readonly flags: SettingsInput;
  readonly environment: Environment;
  /** The file of `--config`, instead of those that would be found. */
  readonly file: string | undefined;
  /** Folder from which `.runctl.toml` is looked for upwards. */
  readonly near: string;
  readonly cwd: string;
  readonly home: string;
}

/** Values of one source, with the words that name it in an error. */
interface Source {
  readonly name: string;
  readonly kind?: 'flags';
  readonly values: Readonly<Record<string, unknown>>;
  /** How a key is spelled there. */
  readonly spell: (key: string) => string;
}

/**
 * Settings of, from weakest to strongest: the region of the AWS profile, the user's folder, the project's `.runctl.toml`,
 * `RUNCTL_*`, flags. Errors: `config-invalid` with the place, the key and, for an unknown one, the nearest.
 */
export async function loadSettings(sources: SettingsSources): Promise<Settings> {
  const files = await fileSources(sources);
  for (const source of files) check(source);
  const all = [
    ambientSource(sources.environment),
    ...files.map((source) => (isSandbox(sources.environment) ? withoutAccount(source) : source)),
    environmentSource(sources.environment),
    flagSource(sources.flags),
  ];
  for (const source of all) check(source);
  const merged: Record<string, unknown> = Object.assign({}, ...all.map((source) => source.values));
  const settings = settingsSchema.parse(merged);
  const region = settings.region ?? (await regionOfProfile(sources, settings.profile));
  return { ...settings, ...(region === undefined ? {} : { region }), prefix: normalPrefix(settings.prefix) };
}

/** In a local cloud's environment there are no profiles. */
async function regionOfProfile(sources: SettingsSources, profile: string | undefined): Promise<string | undefined> {
  if (isSandbox(sources.environment)) return undefined;
  const region = await profileRegion(profile ?? null, sources);
  if (region === null) return undefined;
  check({ name: '~/.aws/config', values: { region }, spell: (key) => key });
  return region;
}

/** Errors: `usage`, for a value on the command line that no file or environment could make right. */
export function checkFlags(flags: SettingsInput): void {
  check(flagSource(flags));
}

/** Files that would be read, the strongest first. */
async function fileSources(sources: SettingsSources): Promise<Source[]> {
  if (sources.file !== undefined) {
    const path = resolve(sources.cwd, sources.file);
    const source = await fileSource(path);
    if (source === null)
      throw new RunctlError('config-missing', `there is no configuration file ${path}`, {
        hint: 'check the path after --config',
      });
    return [source];
  }
  const user = join(sources.environment['XDG_CONFIG_HOME'] ?? join(sources.home, '.config'), 'runctl', 'config.toml');
  const found = [await fileSource(user), await nearestFile(sources.near)];
  return found.filter((source) => source !== null);
}

async function nearestFile(from: string): Promise<Source | null> {
  for (let folder = from; ; folder = dirname(folder)) {
    const source = await fileSource(join(folder, '.runctl.toml'));
    if (source !== null || folder === parsePath(folder).root) return source;
  }
}

async function fileSource(path: string): Promise<Source | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new RunctlError('config-invalid', `can't read ${path}: ${messageOf(error)}`, { cause: error });
  }
  try {
    return { name: path, values: parse(text), spell: (key) => key };
  } catch (error) {
    const where = messageOf(error).split('\n')[0] ?? '';
    throw new RunctlError('config-invalid', `${path} is no TOML: ${where.replace(/^Invalid TOML document: /, '')}`, {
      hint: 'texts stand in quotes: bucket = "my-bucket"',
      cause: error,
    });
  }
}

function environmentSource(environment: Environment): Source {
  return { name: 'the environment', values: environmentValues(environment), spell: variableOf };
}

/** What the SDK itself would go by; a project's own region is stronger. */
function ambientSource(environment: Environment): Source {
  const region = environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'];
  return { name: 'the environment', values: defined({ region }), spell: () => 'AWS_REGION' };
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
function isSandbox(environment: Environment): boolean {
  return [environment['RUNCTL_SANDBOX_STATE'], environment['AWS_ENDPOINT_URL']].every((value) => Boolean(value));
}

function withoutAccount(source: Source): Source {
  const values = Object.fromEntries(Object.entries(source.values).filter(([key]) => !ACCOUNT_KEYS.has(key)));
  return { ...source, values };
}

function flagSource(flags: SettingsInput): Source {
  return {
    name: 'the command line',
    kind: 'flags',
    values: defined(flags),
    spell: (key) => `--${key.replaceAll('_', '-').replace(/^(instance-type|subnet|security-group)s$/, '$1')}`,
  };
}

function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function check(source: Source): void {
  for (const key of Object.keys(source.values)) if (!settingKeys.includes(key as never)) throw unknownKey(key, source);
  const parsed = settingsSchema.safeParse(source.values);
  const issue = parsed.error?.issues[0];
  if (issue === undefined) return;
  const key = String(issue.path[0] ?? '');
  const [takes = '', example] = issue.message.split(', such as ');
  const given = `${takes}, not ${shortened(JSON.stringify(source.values[key]) ?? '')}`;
  if (source.kind === 'flags')
    throw new RunctlError('usage', `${source.spell(key)} ${given}`, {
      hint: example === undefined ? `leave ${source.spell(key)} out for the default` : `such as ${example}`,
    });
  throw new RunctlError('config-invalid', `${source.spell(key)} in ${source.name} ${given}`, {
    hint: example === undefined ? 'docs/configuration.md tells what each setting takes' : `such as ${example}`,
  });
}

const shortened = (text: string): string => (text.length <= 80 ? text : `${text.slice(0, 77)}…`);

function unknownKey(key: string, source: Source): RunctlError {
  const close = nearest(key.replaceAll('-', '_'), settingKeys);
  return new RunctlError('config-invalid', `${source.name}: there is no setting "${key}"`, {
    hint: close === null ? `the settings are ${settingKeys.join(', ')}` : `did you mean "${close}"?`,
  });
}

/** Ends with `/`, or is empty. */
function normalPrefix(prefix: string): string {
  const trimmed = prefix.replaceAll(/^\/+|\/+$/g, '');
  return trimmed === '' ? '' : `${trimmed}/`;
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
