import { dirname } from 'node:path/posix';

export interface FileNode {
  readonly kind: 'file';
  readonly inode: number;
  readonly bornMs: number;
  bytes: Buffer;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly inode: number;
  readonly bornMs: number;
  readonly entries: Map<string, DiskNode>;
  mode: number;
  mtimeMs: number;
  ctimeMs: number;
}

export type DiskNode = FileNode | FolderNode;

/** As node:fs reports them. */
export class DiskError extends Error {
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: simulated disk, '${path}'`);
    this.code = code;
  }
}

/**
 * One machine's disk, in memory: folders, hard links, files that live on while they are open, times by the machine's own
 * wall clock. No symbolic links, no permissions. Paths are absolute, with `/`.
 */
export class Disk {
  readonly root: FolderNode;
  readonly #now: () => number;
  #inodes = 0;
  /** Open for writing, by inode, with how often. */
  readonly #writers = new Map<number, number>();
  #listeners: ((changed: DiskNode) => void)[] = [];

  constructor(now: () => number) {
    this.#now = now;
    this.root = this.#newFolder();
  }

  /** Calls back after each change of content or names, as inotify would. */
  onChange(listener: (changed: DiskNode) => void): () => void {
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  find(path: string): DiskNode | null {
    let node: DiskNode = this.root;
    for (const name of segments(path)) {
      if (node.kind === 'file') throw new DiskError('ENOTDIR', path);
      const next: DiskNode | undefined = node.entries.get(name);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  get(path: string): DiskNode {
    const node = this.find(path);
    if (node === null) throw new DiskError('ENOENT', path);
    return node;
  }

  file(path: string): FileNode {
    const node = this.get(path);
    if (node.kind === 'folder') throw new DiskError('EISDIR', path);
    return node;
  }

  folder(path: string): FolderNode {
    const node = this.get(path);
    if (node.kind === 'file') throw new DiskError('ENOTDIR', path);
    return node;
  }

  makeFolder(path: string, recursive: boolean): void {
    const found = this.find(path);
    if (found !== null && (!recursive || found.kind === 'file')) throw new DiskError('EEXIST', path);
    if (found !== null) return;
    if (recursive && path !== '/') this.makeFolder(dirname(path), true);
    this.#enter(path, this.#newFolder());
  }

  /** The file at a path, made or emptied as asked. */
  open(
    path: string,
    how: { readonly create: boolean; readonly exclusive: boolean; readonly truncate: boolean },
  ): FileNode {
    const found = this.find(path);
    if (found?.kind === 'folder') throw new DiskError('EISDIR', path);
    if (found !== null && how.exclusive) throw new DiskError('EEXIST', path);
    if (found !== null) {
      if (how.truncate && found.bytes.length > 0) this.truncate(found, 0);
      return found;
    }
    if (!how.create) throw new DiskError('ENOENT', path);
    const nowMs = this.#now();
    const file: FileNode = {
      kind: 'file',
      inode: ++this.#inodes,
      bornMs: nowMs,
      bytes: Buffer.alloc(0),
      mode: 0o644,
      mtimeMs: nowMs,
      ctimeMs: nowMs,
    };
    this.#enter(path, file);
    return file;
  }

  write(file: FileNode, bytes: Uint8Array, position: number): void {
    const size = Math.max(file.bytes.length, position + bytes.byteLength);
    const grown = Buffer.alloc(size);
    file.bytes.copy(grown);
    grown.set(bytes, position);
    file.bytes = grown;
    this.#touch(file);
  }

  truncate(file: FileNode, sizeBytes: number): void {
    const cut = Buffer.alloc(sizeBytes);
    file.bytes.copy(cut);
    file.bytes = cut;
    this.#touch(file);
  }

  rename(from: string, to: string): void {
    const node = this.get(from);
    const there = this.find(to);
    if (there === node) return;
    if (there?.kind === 'folder' && (node.kind === 'file' || there.entries.size > 0))
      throw new DiskError(node.kind === 'file' ? 'EISDIR' : 'ENOTEMPTY', to);
    if (there?.kind === 'file' && node.kind === 'folder') throw new DiskError('ENOTDIR', to);
    this.#leave(from);
    this.#enter(to, node);
    node.ctimeMs = this.#now();
  }

  link(from: string, to: string): void {
    const node = this.file(from);
    if (this.find(to) !== null) throw new DiskError('EEXIST', to);
    this.#enter(to, node);
    node.ctimeMs = this.#now();
  }

  remove(path: string, how: { readonly recursive: boolean; readonly force: boolean }): void {
    const found = this.find(path);
    if (found === null) {
      if (how.force) return;
      throw new DiskError('ENOENT', path);
    }
    if (found.kind === 'folder' && !how.recursive) throw new DiskError('EISDIR', path);
    this.#leave(path);
  }

  setTimes(path: string, mtimeMs: number): void {
    const node = this.get(path);
    node.mtimeMs = mtimeMs;
    node.ctimeMs = this.#now();
  }

  beginWriting(file: FileNode): void {
    this.#writers.set(file.inode, (this.#writers.get(file.inode) ?? 0) + 1);
  }

  endWriting(file: FileNode): void {
    const left = (this.#writers.get(file.inode) ?? 1) - 1;
    if (left === 0) this.#writers.delete(file.inode);
    else this.#writers.set(file.inode, left);
  }

  isWritten(inode: number): boolean {
    return this.#writers.has(inode);
  }

  /** Whether a node is a folder, or stands below it. */
  isBelow(node: DiskNode, path: string): boolean {
    const folder = this.find(path);
    const holds = (each: DiskNode): boolean =>
      each === node || (each.kind === 'folder' && Array.from(each.entries.values()).some(holds));
    return folder !== null && holds(folder);
  }

  /** Paths of all files below a folder, relative to it; none where there is no folder. */
  filesBelow(path: string): readonly string[] {
    const found = this.find(path);
    if (found?.kind !== 'folder') return [];
    return Array.from(found.entries).flatMap(([name, node]) =>
      node.kind === 'file' ? [name] : this.filesBelow(`${path}/${name}`).map((below) => `${name}/${below}`),
    );
  }

  #touch(node: DiskNode): void {
    node.mtimeMs = this.#now();
    node.ctimeMs = node.mtimeMs;
    for (const listener of this.#listeners) listener(node);
  }

  #enter(path: string, node: DiskNode): void {
    const folder = this.folder(dirname(path));
    folder.entries.set(segments(path).at(-1) ?? '', node);
    this.#touch(folder);
  }

  #leave(path: string): void {
    const folder = this.folder(dirname(path));
    folder.entries.delete(segments(path).at(-1) ?? '');
    this.#touch(folder);
  }

  #newFolder(): FolderNode {
    const nowMs = this.#now();
    return {
      kind: 'folder',
      inode: ++this.#inodes,
      bornMs: nowMs,
      entries: new Map(),
      mode: 0o755,
      mtimeMs: nowMs,
      ctimeMs: nowMs,
    };
  }
}

function segments(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}
