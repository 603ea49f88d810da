import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Project } from '@runctl/workspace';

const MOST_FILES = 50;
const MOST_BYTES = 256 * 1024;

/** The script and the Python files beside it that it names, as text, the script first. What can't be read is left out. */
export async function readSources({ root, script }: Pick<Project, 'root' | 'script'>): Promise<readonly string[]> {
  if (script === null) return [];
  const folder = join(root, dirname(script));
  const text = await beginningOf(join(folder, basename(script)));
  if (text === null) return [];
  const names = await readdir(folder).catch(() => []);
  const words = new Set(text.split(/\W+/));
  const named = names.filter((name) => name.endsWith('.py') && words.has(name.slice(0, -'.py'.length)));
  const modules = named.filter((name) => name !== basename(script)).slice(0, MOST_FILES);
  const texts = await Promise.all(modules.map((name) => beginningOf(join(folder, name))));
  return [text, ...texts.filter((each) => each !== null)];
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
