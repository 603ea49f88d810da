import { execa } from 'execa';
import ignore from 'ignore';
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { walkedFiles, inAscii, NEVER_COPIED, walk } from './walk.ts';

/** What of a folder would be sent. Paths are relative with `/`, in byte order. */
export interface ProjectFiles {
  /** Files and symbolic links. */
  readonly files: readonly string[];
  readonly emptyFolders: readonly string[];
  /** What decided which, for people. */
  readonly reason: string;
  /** What can't be sent, one sentence each. */
  readonly notes: readonly string[];
}

export interface FileChoice {
  /** Folders that stay behind. */
  readonly exclude: readonly string[];
  /** Patterns as in .gitignore: what fits one is taken whatever git says. */
  readonly include: readonly string[];
}

/** What git would not ignore below `root`, and what was asked for by a pattern. Errors: `file-unreadable`. */
export async function projectFiles(root: string, { exclude, include }: FileChoice): Promise<ProjectFiles> {
  const [walked, listed, asked] = await Promise.all([walk(root), gitFiles(root), askedFor(root, include)]);
  const files = [...(listed?.files ?? walkedFiles(walked)), ...asked].filter((path) => !isExcluded(path, exclude));
  const unlisted = listed === null ? [] : walked.unlisted;
  const asWritten = include.length === 0 ? '' : `, and what fits ${include.join(', ')}`;
  return {
    reason:
      listed === null
        ? `the project is no git checkout, so all that no .gitignore names goes along${asWritten}`
        : `what git does not ignore goes along${asWritten}`,
    files: inByteOrder(files),
    emptyFolders: inByteOrder(walked.emptyFolders.filter((path) => !isExcluded(path, exclude))),
    notes: [
      ...new Set([
        ...walked.unsendable,
        ...(listed?.notes ?? []),
        ...unlisted.map(({ folder }) => `${folder} is left out: it can't be listed`),
      ]),
    ],
  };
}

/** Files that fit a pattern, those that git ignores too. */
async function askedFor(root: string, include: readonly string[]): Promise<string[]> {
  if (include.length === 0) return [];
  const fits = matching(include);
  return walkedFiles(await walk(root, { withIgnored: true })).filter(fits);
}

/** Whether a relative path fits one of the patterns, which are as in .gitignore. */
export function matching(patterns: readonly string[]): (path: string) => boolean {
  const matcher = ignore().add([...patterns]);
  return (path) => matcher.ignores(path);
}

function inByteOrder(paths: readonly string[]): string[] {
  return [...new Set(paths)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

function isExcluded(path: string, exclude: readonly string[]): boolean {
  if (path.split('/').some((segment) => NEVER_COPIED.has(segment))) return true;
  return exclude.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

interface Listed {
  readonly files: string[];
  readonly notes: string[];
}

/** Null when `root` is no checkout, git is missing, or the checkout above it ignores the whole of it. */
async function gitFiles(root: string): Promise<Listed | null> {
  const output = await git(root, ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
  if (output === null || output.length === 0) return null;
  const names = splitNames(output);
  const notes = names
    .filter((name) => !isUtf8(name))
    .map((name) => `${inAscii(name)} is left out: its name is not UTF-8`);
  const paths = names.filter((name) => isUtf8(name)).map((name) => name.toString());
  const nested = paths.filter((path) => path.endsWith('/'));
  const below = await Promise.all(nested.map((folder) => nestedFiles(root, folder)));
  return {
    files: [...paths.filter((path) => !path.endsWith('/')), ...below.flatMap(({ files }) => files)],
    notes: [...notes, ...below.flatMap((listed) => listed.notes)],
  };
}

function splitNames(output: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let at = 0; at < output.length;) {
    const end = output.indexOf(0, at);
    names.push(output.subarray(at, end === -1 ? output.length : end));
    at = end === -1 ? output.length : end + 1;
  }
  return names.filter((name) => name.length > 0);
}

/** A checkout inside the checkout: git names only its folder. */
async function nestedFiles(root: string, folder: string): Promise<Listed> {
  const inside = join(root, folder);
  const { files, notes } = (await gitFiles(inside)) ?? { files: walkedFiles(await walk(inside)), notes: [] };
  return { files: files.map((path) => `${folder}${path}`), notes: notes.map((note) => `${folder}${note}`) };
}

/** Null where git is missing or refuses. */
async function git(cwd: string, args: readonly string[]): Promise<Buffer | null> {
  const options = { maxBuffer: 256 * 1024 * 1024, reject: false, encoding: 'buffer' } as const;
  const { failed, stdout } = await execa('git', ['-C', cwd, ...args], options);
  return failed ? null : Buffer.from(stdout);
}
