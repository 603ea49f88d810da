import { constants, type Stats } from 'node:fs';
import { lstat, mkdtemp, readdir, readlink, realpath, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { compareKeys } from '../../port/keys.ts';
import type { StatLook } from '../file-jobs.ts';
import { SmallFiles } from '../small-files.ts';
import { type FolderRules, keyProblem, pathProblem, type Refused } from './names.ts';
import { isPartFile } from './part-file.ts';
import type { PathFilter } from './path-filter.ts';

export interface LocalFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

export interface LocalTree {
  /** Real path of the folder. */
  readonly root: string;
  /** In the order of their paths' UTF-8 bytes. */
  readonly files: readonly LocalFile[];
  /** Could not be taken, though somebody may count on it. */
  readonly refused: readonly Refused[];
  /** Nothing that has content to take: sockets, devices, pipes. */
  readonly skipped: readonly Refused[];
}

/** 10,000 parts of 5 GiB: S3 User Guide, "Amazon S3 multipart upload limits". */
const LARGEST_OBJECT_BYTES = 10_000 * 5 * 1024 ** 3;

export interface ScanOptions {
  readonly filter?: PathFilter;
  /** Stands before the paths in keys; its length counts against the limit of keys. */
  readonly prefix?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * All files below a folder that can be carried to a bucket. Symbolic links are followed inside the folder and refused
 * when they lead out of it. Rejects with the file system's error when the folder itself can't be read.
 */
export async function scanLocalTree(folder: string, options: ScanOptions = {}): Promise<LocalTree> {
  const root = await realpath(folder);
  await using looking = new Looking();
  const scan = new Scan(root, looking, options);
  await scan.folder('', [root]);
  return scan.result();
}

/** Those of the paths that name a file in the folder, or a link to one. */
export async function filesAt(root: string, paths: readonly string[]): Promise<LocalFile[]> {
  await using looking = new Looking();
  const looks = await looking.at(root, paths, true);
  return paths.flatMap((path, index) => {
    const look = looks[index];
    if (look === undefined || typeof look === 'string' || kindOf(look[0]) !== 'file') return [];
    return [{ path, sizeBytes: look[1], modifiedMs: look[2] }];
  });
}

/** Names that save what a thread of their own costs to start, some 20 ms of CPU. */
const WORTH_A_THREAD = 100;

/** Looks at a great many files on a thread: each would be a turn of the thread pool. */
class Looking implements AsyncDisposable {
  #files: SmallFiles | null = null;

  async at(folder: string, names: readonly string[], follow: boolean): Promise<readonly StatLook[]> {
    if (names.length >= WORTH_A_THREAD) this.#files ??= new SmallFiles();
    if (this.#files !== null) return this.#files.stats(folder, names, follow);
    const looks: StatLook[] = [];
    for (const name of names) looks.push(await lookAt(join(folder, name), follow));
    return looks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files?.[Symbol.asyncDispose]();
  }
}

async function lookAt(path: string, follow: boolean): Promise<StatLook> {
  try {
    return lookOf(await (follow ? stat(path) : lstat(path)));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

function lookOf({ mode, size, mtimeMs }: Stats): Exclude<StatLook, string> {
  return [mode, size, mtimeMs];
}

class Scan {
  readonly #root: string;
  readonly #looking: Looking;
  readonly #options: ScanOptions;
  readonly #files: LocalFile[] = [];
  readonly #refused: Refused[] = [];
  readonly #skipped: Refused[] = [];

  constructor(root: string, looking: Looking, options: ScanOptions) {
    this.#root = root;
    this.#looking = looking;
    this.#options = options;
  }

  result(): LocalTree {
    const inOrder = <T extends { readonly path: string }>(items: T[]): T[] =>
      items.sort((a, b) => compareKeys(a.path, b.path));
    return {
      root: this.#root,
      files: inOrder(this.#files),
      refused: inOrder(this.#refused),
      skipped: inOrder(this.#skipped),
    };
  }

  /** `above` holds the real paths of the folders that led here, so that a link can't lead in a circle. */
  async folder(path: string, above: readonly string[]): Promise<void> {
    // As bytes: a name that is no valid UTF-8 would come back as another one.
    const names = await readdir(join(this.#root, path), { encoding: 'buffer' });
    const taken: string[] = [];
    for (const bytes of names) {
      const name = bytes.toString('utf8');
      const child = path === '' ? name : `${path}/${name}`;
      const problem = Buffer.from(name, 'utf8').equals(bytes) ? pathProblem(child) : 'its name is no valid UTF-8';
      if (problem === null) taken.push(name);
      else this.#refuse(child, problem);
    }
    const looks = await this.#looking.at(join(this.#root, path), taken, false);
    for (const [index, name] of taken.entries()) {
      this.#options.signal?.throwIfAborted();
      await this.#entry(path === '' ? name : `${path}/${name}`, looks[index] ?? 'ENOENT', above);
    }
  }

  async #entry(path: string, own: StatLook, above: readonly string[]): Promise<void> {
    try {
      const place = join(this.#root, path);
      if (typeof own === 'string') throw Object.assign(new Error(`${own}: lstat '${place}'`), { code: own });
      if (kindOf(own[0]) !== 'link') return await this.#take(path, own, above);
      const target = await realpath(place).catch(() => null);
      if (target === null) return this.#refuse(path, `it is a link to ${await readlink(place)}, which is not there`);
      if (!isInside(this.#root, target))
        return this.#refuse(path, `it is a link to ${target}, which lies outside the folder`);
      if (above.includes(target)) return this.#refuse(path, `it is a link to ${target}, and leads in a circle`);
      await this.#take(path, lookOf(await stat(target)), above);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return; // deleted since the folder was read
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      this.#refuse(path, 'it may not be read (permission denied)');
    }
  }

  async #take(path: string, look: Exclude<StatLook, string>, above: readonly string[]): Promise<void> {
    const [mode, sizeBytes, modifiedMs] = look;
    const kind = kindOf(mode);
    if (kind === 'folder') return this.folder(path, [...above, await realpath(join(this.#root, path))]);
    const { filter, prefix = '' } = this.#options;
    if (isPartFile(path) || (filter !== undefined && !filter(path))) return;
    if (kind !== 'file') return void this.#skipped.push({ path, why: `it is a ${kind}` });
    const problem = keyProblem(prefix + path) ?? sizeProblem(sizeBytes);
    if (problem !== null) return this.#refuse(path, problem);
    this.#files.push({ path, sizeBytes, modifiedMs });
  }

  #refuse(path: string, why: string): void {
    this.#refused.push({ path, why });
  }
}

function sizeProblem(sizeBytes: number): string | null {
  if (sizeBytes <= LARGEST_OBJECT_BYTES) return null;
  return `it has ${sizeBytes} bytes; S3 allows 10,000 parts of 5 GiB (${LARGEST_OBJECT_BYTES})`;
}

function kindOf(mode: number): 'file' | 'folder' | 'link' | 'socket' | 'pipe' | 'device' {
  const format = mode & constants.S_IFMT;
  if (format === constants.S_IFREG) return 'file';
  if (format === constants.S_IFDIR) return 'folder';
  if (format === constants.S_IFLNK) return 'link';
  if (format === constants.S_IFSOCK) return 'socket';
  return format === constants.S_IFIFO ? 'pipe' : 'device';
}

export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`);
}

/** Tries out what the folder, which must exist, can tell apart. */
export async function rulesOf(folder: string, platform: string = process.platform): Promise<FolderRules> {
  const probe = await mkdtemp(join(folder, '.runctl-case-'));
  try {
    const shouted = join(dirname(probe), basename(probe).toUpperCase());
    const same = await stat(shouted).then(
      () => true,
      () => false,
    );
    return { caseSensitive: !same, windowsNames: platform === 'win32' };
  } finally {
    await rmdir(probe);
  }
}
