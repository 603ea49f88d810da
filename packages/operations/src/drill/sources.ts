import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Project } from '@runctl/workspace';

const MOST_FILES = 50;
const MOST_BYTES = 256 * 1024;

/** The script and the Python modules beside it as text, the script first. Files that can't be read are left out. */
export async function readSources({ root, script }: Pick<Project, 'root' | 'script'>): Promise<readonly string[]> {
  const folder = join(root, dirname(script));
  const names = await readdir(folder).catch(() => []);
  const modules = names.filter((name) => name.endsWith('.py') && name !== basename(script)).slice(0, MOST_FILES);
  const texts = await Promise.all([basename(script), ...modules].map((name) => beginningOf(join(folder, name))));
  return texts.filter((text) => text !== null);
}

async function beginningOf(path: string): Promise<string | null> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return null; // Without it the framework is told by other traces, or by none.
  }
}
