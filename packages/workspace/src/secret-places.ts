import type { Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SECRET_FOLDERS, secretByName } from './secret-names.ts';
import { walk } from './walk.ts';

/** Files below `root` that are named like secrets, those that git ignores too. Paths are relative with `/`. */
export async function filesNamedSecret(root: string): Promise<readonly string[]> {
  return (await walk(root, { withIgnored: true })).files.filter((path) => secretByName(path) !== null);
}

/** Of one folder of the home: one of keys has few, and whatever has more is something else. */
const MOST_ENTRIES = 20_000;

/** Tells whether a file of a project is another name (a hard link) of one that is named like a secret, there or in a home folder. */
export class SecretLinks {
  readonly #root: string;
  readonly #home: string | null;
  readonly #mostEntries: number;
  #known: Promise<ReadonlySet<string>> | null = null;

  constructor(root: string, home: string | null, mostEntries = MOST_ENTRIES) {
    this.#root = root;
    this.#home = home;
    this.#mostEntries = mostEntries;
  }

  /** Few files have a second name: places of secrets are looked at when the first one comes. */
  async has(info: Pick<Stats, 'dev' | 'ino' | 'nlink'>): Promise<boolean> {
    if (info.nlink < 2) return false;
    this.#known ??= this.#find();
    return (await this.#known).has(identityOf(info));
  }

  async #find(): Promise<ReadonlySet<string>> {
    const inProject = (await filesNamedSecret(this.#root)).map((path) => join(this.#root, path));
    const paths = [...inProject, ...(this.#home === null ? [] : await secretsOfHome(this.#home, this.#mostEntries))];
    const found = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
    return new Set(found.flatMap((info) => (info?.isFile() === true ? [identityOf(info)] : [])));
  }
}

const identityOf = ({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string => `${dev}:${ino}`;

/** How many levels of a folder of the home are looked at; the home itself holds everything else, too. */
const LEVELS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['.cache/huggingface', 1],
  ...Array.from(SECRET_FOLDERS, (folder) => [folder, 4] as const),
  ['.config', 3],
]);
/** What lies directly in a home folder, and in the folders of it in which programs keep keys, some levels deep. */
async function secretsOfHome(home: string, mostEntries: number): Promise<readonly string[]> {
  const listed = Array.from(LEVELS, async ([folder, levels]) => {
    const found: string[] = [];
    await listInto(found, { home, folder, levels, mostEntries });
    return found;
  });
  const found = (await Promise.all(listed)).flat();
  return found.flatMap((path) => (secretByName(path) === null ? [] : [join(home, path)]));
}

interface Listing {
  readonly home: string;
  readonly folder: string;
  readonly levels: number;
  readonly mostEntries: number;
}

async function listInto(found: string[], { folder, ...listing }: Listing): Promise<void> {
  const { home, levels, mostEntries } = listing;
  const entries = await readdir(join(home, folder), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (found.length >= mostEntries) return;
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) found.push(path);
    else if (levels > 1) await listInto(found, { ...listing, folder: path, levels: levels - 1 });
  }
}

/**
 * Tells which folder above a path is a link. Git still lists what it tracks in a folder that was replaced by a link since, and
 * what lies there may be anything on this computer.
 */
export class LinkedFolders {
  readonly #root: string;
  readonly #known = new Map<string, Promise<string | null>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Relative to the root; null where all folders above the path are folders. */
  above(path: string): Promise<string | null> {
    const folder = dirname(path);
    if (folder === '.') return Promise.resolve(null);
    const known = this.#known.get(folder) ?? this.#look(folder);
    this.#known.set(folder, known);
    return known;
  }

  async #look(folder: string): Promise<string | null> {
    const higher = await this.above(folder);
    if (higher !== null) return higher;
    const info = await lstat(join(this.#root, folder)).catch(() => null);
    return info?.isSymbolicLink() === true ? folder : null;
  }
}
