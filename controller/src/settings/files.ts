import { RunctlError, baseFolder, messageOf, type Environment } from '@runctl/core';
import { readFile } from 'node:fs/promises';
import { dirname, join, parse as parsePath, resolve } from 'node:path';
import { parse } from 'smol-toml';
import type { GivenSetting } from './source.ts';
import { settingsOfFile } from './tables.ts';

export interface FilesWanted {
  readonly environment: Environment;
  /** The file of `--config`, instead of those that would be found. */
  readonly file: string | undefined;
  /** Folder from which `.runctl.toml` is looked for upwards. */
  readonly near: string;
  readonly cwd: string;
  readonly home: string;
}

/** Configuration files that count, the weakest first. Errors: `config-missing` for that of `--config`, `config-invalid`. */
export async function fileSources(wanted: FilesWanted): Promise<(readonly GivenSetting[])[]> {
  if (wanted.file !== undefined) {
    const path = resolve(wanted.cwd, wanted.file);
    const source = await fileSource(path);
    if (source === null)
      throw new RunctlError('config-missing', `there is no configuration file ${path}`, {
        hint: 'check the path after --config',
      });
    return [source];
  }
  const user = join(baseFolder('XDG_CONFIG_HOME', wanted), 'runctl', 'config.toml');
  const found = [await fileSource(user), await nearestFile(wanted.near)];
  return found.filter((source) => source !== null);
}

async function nearestFile(from: string): Promise<readonly GivenSetting[] | null> {
  for (let folder = from; ; folder = dirname(folder)) {
    const source = await fileSource(join(folder, '.runctl.toml'));
    if (source !== null || folder === parsePath(folder).root) return source;
  }
}

async function fileSource(path: string): Promise<readonly GivenSetting[] | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new RunctlError('config-invalid', `can't read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return settingsOfFile(path, parsedToml(path, text));
}

function parsedToml(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (error) {
    const where = messageOf(error).split('\n')[0] ?? '';
    throw new RunctlError('config-invalid', `${path} is no TOML: ${where.replace(/^Invalid TOML document: /, '')}`, {
      hint: 'texts stand in quotes: bucket = "my-bucket"',
      cause: error,
    });
  }
}
