import { RunctlError, nearest, type Environment } from '@runctl/core';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

type Profiles = ReadonlyMap<string, Readonly<Record<string, string>>>;

/**
 * Region of a profile of `~/.aws/config`, which counts when nothing else names one: the order of the SDKs (AWS SDKs and
 * Tools Reference Guide, "AWS Region"). `asked` is the profile by name; null = `AWS_PROFILE`, else `default`. Null when it
 * has none. Errors: `config-invalid` for a profile that was asked for and is in neither file, naming the nearest.
 */
export async function profileRegion(
  asked: string | null,
  at: { readonly environment: Environment; readonly home: string },
): Promise<string | null> {
  const { environment, home } = at;
  const folder = join(home, '.aws');
  const config = await readProfiles(environment['AWS_CONFIG_FILE'] || join(folder, 'config'), /^(?:profile\s+)(.+)$/);
  const keys = await readProfiles(environment['AWS_SHARED_CREDENTIALS_FILE'] || join(folder, 'credentials'), /^(.+)$/);
  const named = asked ?? (environment['AWS_PROFILE'] || null);
  const name = named ?? 'default';
  const known = new Set([...config.keys(), ...keys.keys()]);
  if (named !== null && !known.has(named)) throw unknownProfile(named, known);
  return config.get(name)?.['region'] ?? keys.get(name)?.['region'] ?? null;
}

function unknownProfile(name: string, known: ReadonlySet<string>): RunctlError {
  const close = nearest(name, known);
  const others =
    known.size === 0 ? 'there is no profile at all: `aws configure`' : `there are ${[...known].join(', ')}`;
  return new RunctlError('config-invalid', `there is no profile "${name}" in ~/.aws/config or ~/.aws/credentials`, {
    hint: close === null ? others : `did you mean "${close}"?`,
  });
}

/** Sections that `pattern` takes for profiles, and `default`, with their settings; lines of nested settings are passed over. */
async function readProfiles(path: string, pattern: RegExp): Promise<Profiles> {
  const profiles = new Map<string, Record<string, string>>();
  let current: Record<string, string> | null = null;
  for (const line of (await readFile(path, 'utf8').catch(() => '')).split(/\r?\n/)) {
    const section = /^\[\s*(.+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) {
      const name = section === 'default' ? section : pattern.exec(section)?.[1]?.replaceAll(/^["']|["']$/g, '');
      current = name === undefined ? null : (profiles.get(name) ?? {});
      if (name !== undefined && current !== null) profiles.set(name, current);
      continue;
    }
    const [, key, value] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined && current !== null) current[key] = value;
  }
  return profiles;
}
