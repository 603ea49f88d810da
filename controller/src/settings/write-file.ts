import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { settingsIn, withSettings, type WrittenSettings } from './write.ts';

/** A configuration that is to have some settings. */
interface FileToWrite {
  readonly path: string;
  /** Keys that are added or changed. */
  readonly changes: readonly string[];
  /** Keys that have another value until now. */
  readonly replaces: readonly string[];
  write(): Promise<void>;
}

/** Errors: `config-invalid` for a file that can't be changed, before anything is. */
export async function fileWithSettings(
  named: string | undefined,
  { cwd, settings }: { readonly cwd: string; readonly settings: WrittenSettings },
): Promise<FileToWrite> {
  const path = resolve(cwd, named ?? '.runctl.toml');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const before = settingsIn(text);
  const changes = Object.keys(settings).filter((key) => !isDeepStrictEqual(before[key], settings[key]));
  const written = withSettings(text, Object.fromEntries(changes.map((key) => [key, settings[key] ?? ''])));
  return {
    path,
    changes,
    replaces: changes.filter((key) => key in before),
    write: async () => {
      if (changes.length === 0) return;
      // Whoever reads meanwhile sees the old file or the new one.
      await writeFile(`${path}.new`, written);
      await rename(`${path}.new`, path);
    },
  };
}
