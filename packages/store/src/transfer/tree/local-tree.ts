import { lstat, mkdtemp, opendir, readlink, realpath, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { compareKeys } from '../../keys.ts';
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
  const scan = new Scan(root, options);
  await scan.folder('', [root]);
  return scan.result();
}

class Scan {
  readonly #root: string;
  readonly #options: ScanOptions;
  readonly #files: LocalFile[] = [];
  readonly #refused: Refused[] = [];
  readonly #skipped: Refused[] = [];

  constructor(root: string, options: ScanOptions) {
    this.#root = root;
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
    const names: Buffer[] = [];
    // As bytes: a name that is no valid UTF-8 would come back as another one.
    const entries = await opendir(join(this.#root, path), { encoding: 'buffer' as BufferEncoding });
    for await (const entry of entries) names.push(entry.name as unknown as Buffer);
    for (const bytes of names) {
      this.#options.signal?.throwIfAborted();
      const name = bytes.toString('utf8');
      const child = path === '' ? name : `${path}/${name}`;
      if (!Buffer.from(name, 'utf8').equals(bytes)) this.#refuse(child, 'its name is no valid UTF-8');
      else await this.#entry(child, above);
    }
  }

  async #entry(path: string, above: readonly string[]): Promise<void> {
    const problem = pathProblem(path);
    if (problem !== null) return this.#refuse(path, problem);
    try {
      const place = join(this.#root, path);
      const own = await lstat(place);
      if (!own.isSymbolicLink()) return await this.#take(path, own, above);
      const target = await realpath(place).catch(() => null);
      if (target === null) return this.#refuse(path, `it is a link to ${await readlink(place)}, which is not there`);
      if (!isInside(this.#root, target))
        return this.#refuse(path, `it is a link to ${target}, which lies outside the folder`);
      if (above.includes(target)) return this.#refuse(path, `it is a link to ${target}, and leads in a circle`);
      await this.#take(path, await stat(target), above);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return; // deleted since the folder was read
      if (code !== 'EACCES' && code !== 'EPERM') throw error;
      this.#refuse(path, 'it may not be read (permission denied)');
    }
  }

  async #take(path: string, stats: Awaited<ReturnType<typeof stat>>, above: readonly string[]): Promise<void> {
    if (stats.isDirectory()) return this.folder(path, [...above, await realpath(join(this.#root, path))]);
    const { filter, prefix = '' } = this.#options;
    if (isPartFile(path) || (filter !== undefined && !filter(path))) return;
    const kind = stats.isFile() ? null : kindOf(stats);
    if (kind !== null) return void this.#skipped.push({ path, why: `it is a ${kind}` });
    const problem = keyProblem(prefix + path) ?? sizeProblem(Number(stats.size));
    if (problem !== null) return this.#refuse(path, problem);
    this.#files.push({ path, sizeBytes: Number(stats.size), modifiedMs: Number(stats.mtimeMs) });
  }

  #refuse(path: string, why: string): void {
    this.#refused.push({ path, why });
  }
}

function sizeProblem(sizeBytes: number): string | null {
  if (sizeBytes <= LARGEST_OBJECT_BYTES) return null;
  return `it has ${sizeBytes} bytes; S3 allows 10,000 parts of 5 GiB (${LARGEST_OBJECT_BYTES})`;
}

function kindOf(stats: Awaited<ReturnType<typeof stat>>): string {
  if (stats.isSocket()) return 'socket';
  if (stats.isFIFO()) return 'pipe';
  return 'device';
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
