import { execa } from 'execa';
import { join } from 'node:path';
import { NEVER_COPIED, walk } from './walk.ts';

/** What git would not ignore below `root`, as relative paths with `/`, in byte order. */
export async function projectFiles(root: string, exclude: readonly string[]): Promise<string[]> {
  const listed = (await gitFiles(root)) ?? (await walk(root));
  const unique = new Set(listed.filter((path) => !isExcluded(path, exclude)));
  return [...unique].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function isExcluded(path: string, exclude: readonly string[]): boolean {
  if (path.split('/').some((segment) => NEVER_COPIED.has(segment))) return true;
  return exclude.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** Null when `root` is no checkout, git is missing, or the checkout above it ignores the whole of it. */
async function gitFiles(root: string): Promise<string[] | null> {
  const output = await git(root, ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
  if (output === null) return null;
  const paths = output.split('\0').filter((path) => path !== '');
  if (paths.length === 0) return null;
  const nested = paths.filter((path) => path.endsWith('/'));
  const below = await Promise.all(nested.map((folder) => nestedFiles(root, folder)));
  return [...paths.filter((path) => !path.endsWith('/')), ...below.flat()];
}

/** A checkout inside the checkout: git names only its folder. */
async function nestedFiles(root: string, folder: string): Promise<string[]> {
  const files = (await gitFiles(join(root, folder))) ?? (await walk(join(root, folder)));
  return files.map((path) => `${folder}${path}`);
}

/** Null where git is missing or refuses. */
async function git(cwd: string, args: readonly string[]): Promise<string | null> {
  const { failed, stdout } = await execa('git', ['-C', cwd, ...args], { maxBuffer: 256 * 1024 * 1024, reject: false });
  return failed ? null : stdout;
}
