import type { Stats } from 'node:fs';
import { constants } from 'node:fs';
import { basename, dirname, normalize } from 'node:path/posix';
import { Readable } from 'node:stream';
import { type Disk, DiskError, type DiskNode, type FileNode, type FolderNode } from './disk.ts';
import type { Process } from './process.ts';

/** Below this folder lie the disks of simulated machines, each process with a view of its own: `/simulated/<process>/…`. */
export const MOUNTS = '/simulated/';
const FIRST_DESCRIPTOR = 1_000_000;

/** Where a path leads: which process asks, and what of its machine's disk. */
interface Place {
  readonly process: Process;
  readonly disk: Disk;
  readonly path: string;
}

type StatOptions = { readonly bigint?: boolean } | undefined;
type Encoding = BufferEncoding | { readonly encoding?: BufferEncoding | null } | null | undefined;

/** What of node:fs the product uses, over the disks of simulated machines. A call that is not modelled says so. */
export class NodeDisk {
  readonly #mounts = new Map<string, Process>();
  readonly #open = new Map<number, OpenFile>();
  #descriptors = FIRST_DESCRIPTOR;
  #processes = 0;

  /** The folder as which a process sees its machine's root. */
  mount(process: Process): string {
    const name = `p${++this.#processes}`;
    this.#mounts.set(name, process);
    return MOUNTS + name;
  }

  clear(): void {
    this.#mounts.clear();
    this.#open.clear();
  }

  /** Of a path or a descriptor. */
  owns(path: unknown): boolean {
    if (typeof path === 'number') return path > FIRST_DESCRIPTOR;
    if (typeof path !== 'string') return false;
    if (path.startsWith(MOUNTS)) return true;
    const descriptor = /^\/(?:proc\/self|dev)\/fd\/(\d+)$/.exec(path);
    return descriptor !== null && Number(descriptor[1]) > FIRST_DESCRIPTOR;
  }

  promises() {
    return {
      open: (path: string, flags: string | number = 'r', mode?: number) => this.#openFile(path, flags, mode),
      stat: (path: string, options?: StatOptions) => this.#do(path, (at) => statsOf(this.#node(at), options)),
      lstat: (path: string, options?: StatOptions) => this.#do(path, (at) => statsOf(this.#node(at), options)),
      realpath: (path: string) => this.#do(path, (at) => (at.disk.get(at.path), path.replace(/\/+$/, ''))),
      readdir: (path: string, options?: { readonly recursive?: boolean; readonly withFileTypes?: boolean }) =>
        this.#do<(string | Entry)[]>(path, (at) => {
          if (options?.withFileTypes !== true) return Array.from(at.disk.folder(at.path).entries.keys());
          return entriesOf(at.disk.folder(at.path), path, options.recursive === true);
        }),
      mkdir: (path: string, options?: { readonly recursive?: boolean }) =>
        this.#do(path, ({ disk, path }) => disk.makeFolder(path, options?.recursive === true)),
      rm: (path: string, options?: { readonly recursive?: boolean; readonly force?: boolean }) =>
        this.#do(path, ({ disk, path }) =>
          disk.remove(path, { recursive: options?.recursive === true, force: options?.force === true }),
        ),
      unlink: (path: string) =>
        this.#do(path, ({ disk, path }) => disk.remove(path, { recursive: false, force: false })),
      rename: (from: string, to: string) => this.#do(from, (at) => at.disk.rename(at.path, this.#place(to).path)),
      link: (from: string, to: string) => this.#do(from, (at) => at.disk.link(at.path, this.#place(to).path)),
      copyFile: (from: string, to: string) =>
        this.#do(from, ({ disk, path }) => {
          const target = disk.open(this.#place(to).path, { create: true, exclusive: false, truncate: true });
          disk.write(target, disk.file(path).bytes, 0);
        }),
      chmod: (path: string, mode: number) =>
        this.#do(path, ({ disk, path }) => {
          disk.get(path).mode = mode;
        }),
      chown: (path: string) => this.#do(path, ({ disk, path }) => void disk.get(path)),
      utimes: (path: string, _atime: unknown, mtime: number | Date) =>
        this.#do(path, ({ disk, path }) => disk.setTimes(path, mtime instanceof Date ? mtime.getTime() : mtime * 1000)),
      truncate: (path: string, sizeBytes = 0) => this.#do(path, (at) => at.disk.truncate(this.#fileAt(at), sizeBytes)),
      statfs: (path: string) => this.#do(path, () => ({ blocks: 2 ** 30, bavail: 2 ** 30, bsize: 4096 })),
      access: (path: string) => this.#do(path, ({ disk, path }) => void disk.get(path)),
      readFile: (path: string, encoding?: Encoding) =>
        this.#do(path, (at) => decoded(Buffer.from(this.#fileAt(at).bytes), encoding)),
      appendFile: (path: string, data: string | Uint8Array) =>
        this.#do(path, ({ disk, path }) => {
          const file = disk.open(path, { create: true, exclusive: false, truncate: false });
          disk.write(file, bytesOf(data), file.bytes.length);
        }),
      writeFile: (path: string, data: string | Uint8Array, options?: unknown) =>
        this.#do(path, ({ disk, path }) => {
          const exclusive = (options as { flag?: string } | undefined)?.flag === 'wx';
          disk.write(disk.open(path, { create: true, exclusive, truncate: true }), bytesOf(data), 0);
        }),
    };
  }

  /** What calls back. */
  callbacks() {
    return {
      open: (path: string, flags: string | number, back: Callback<number>) =>
        callBack(
          this.#openFile(path, flags, undefined).then(({ fd }) => fd),
          back,
        ),
      stat: (path: string, options: StatOptions, back: Callback<Stats>) =>
        callBack(
          this.#do(path, (at) => statsOf(this.#node(at), options)),
          back,
        ),
      read: (fd: number, ...[into, offset, length, position, back]: Transfer) =>
        callBack(
          this.#file(fd)
            .read(into, offset, length, position)
            .then(({ bytesRead }) => bytesRead),
          back,
        ),
      write: (fd: number, ...[bytes, offset, length, position, back]: Transfer) =>
        callBack(
          this.#file(fd)
            .write(bytes, offset, length, position)
            .then(({ bytesWritten }) => bytesWritten),
          back,
        ),
      close: (fd: number, back: Callback<void>) => callBack(this.#file(fd).close(), back),
    };
  }

  sync() {
    return {
      fstatSync: (fd: number, options?: StatOptions) => statsOf(this.#file(fd).node, options),
      closeSync: (fd: number) => this.#file(fd).closeNow(),
      existsSync: (path: string) => this.#findNow(path) !== null,
      statSync: (path: string, options?: StatOptions) => statsOf(this.#getNow(path), options),
      readFileSync: (path: string, encoding?: Encoding) => {
        const node = this.#getNow(path);
        if (node.kind === 'folder') throw new DiskError('EISDIR', path);
        return decoded(Buffer.from(node.bytes), encoding);
      },
      createReadStream: (path: string, options?: { readonly signal?: AbortSignal }) =>
        Readable.from(this.#chunks(path, options?.signal)),
    };
  }

  async *#chunks(path: string, signal: AbortSignal | undefined): AsyncIterable<Buffer> {
    const bytes = await this.#do(path, (at) => Buffer.from(this.#fileAt(at).bytes));
    signal?.throwIfAborted();
    if (bytes.length > 0) yield bytes;
  }

  #openFile(path: string, flags: string | number, mode: number | undefined): Promise<OpenFile> {
    return this.#do(path, (at) => {
      const how = modesOf(flags);
      const node = this.#descriptor(at.path)?.node ?? at.disk.open(at.path, how);
      if (how.create && mode !== undefined && node.bytes.length === 0) node.mode = mode;
      const file = new OpenFile(node, { fd: ++this.#descriptors, writes: how.writes, ...at });
      this.#open.set(file.fd, file);
      return file;
    });
  }

  #file(fd: number): OpenFile {
    const file = this.#open.get(fd);
    if (file === undefined) throw new DiskError('EBADF', `fd ${fd}`);
    return file;
  }

  #do<T>(path: string, perform: (at: Place) => T): Promise<T> {
    const at = this.#place(path);
    return at.process.onDisk(() => perform(at));
  }

  #place(path: string): Place {
    const descriptor = this.#descriptor(path);
    if (descriptor !== null) return { process: descriptor.process, disk: descriptor.process.host.disk, path };
    const end = path.indexOf('/', MOUNTS.length);
    const process = this.#mounts.get(end < 0 ? path.slice(MOUNTS.length) : path.slice(MOUNTS.length, end));
    if (process === undefined) throw new DiskError('ENOENT', path);
    return { process, disk: process.host.disk, path: end < 0 ? '/' : normalize(path.slice(end)) };
  }

  #descriptor(path: string): OpenFile | null {
    if (path.startsWith(MOUNTS) || !dirname(path).endsWith('/fd')) return null;
    return this.#open.get(Number(basename(path))) ?? null;
  }

  #node({ disk, path }: Place): DiskNode {
    return this.#descriptor(path)?.node ?? disk.get(path);
  }

  #fileAt(at: Place): FileNode {
    const node = this.#node(at);
    if (node.kind === 'folder') throw new DiskError('EISDIR', at.path);
    return node;
  }

  #findNow(path: string): DiskNode | null {
    const { disk, path: place } = this.#place(path);
    return this.#descriptor(path)?.node ?? disk.find(place);
  }

  #getNow(path: string): DiskNode {
    const node = this.#findNow(path);
    if (node === null) throw new DiskError('ENOENT', path);
    return node;
  }
}

/** As much of a FileHandle as the product uses. */
class OpenFile implements AsyncDisposable {
  readonly fd: number;
  readonly node: FileNode;
  readonly process: Process;
  readonly #disk: Disk;
  #writes: boolean;
  #closed = false;
  #position = 0;

  constructor(
    node: FileNode,
    given: { readonly fd: number; readonly process: Process; readonly disk: Disk; readonly writes: boolean },
  ) {
    this.node = node;
    this.fd = given.fd;
    this.process = given.process;
    this.#disk = given.disk;
    this.#writes = given.writes;
    if (!given.writes) return;
    given.disk.beginWriting(node);
    given.process.whenDead(() => this.#endWriting());
  }

  stat(options?: StatOptions): Promise<Stats> {
    return this.#do(() => statsOf(this.node, options));
  }

  read(
    into: Uint8Array | { readonly buffer: Uint8Array; offset?: number; length?: number; position?: number | null },
    offset = 0,
    length?: number,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    const given = into instanceof Uint8Array ? { buffer: into, offset, length, position } : into;
    return this.#do(() => {
      const start = given.position ?? this.#position;
      const at = given.offset ?? 0;
      const wanted = Math.min(given.length ?? given.buffer.byteLength - at, given.buffer.byteLength - at);
      const bytes = this.node.bytes.subarray(start, start + wanted);
      given.buffer.set(bytes, at);
      if ((given.position ?? null) === null) this.#position += bytes.length;
      return { bytesRead: bytes.length, buffer: given.buffer };
    });
  }

  write(
    data: Uint8Array | string,
    offset?: number | null,
    length?: number | null,
    position: number | null = null,
  ): Promise<{ bytesWritten: number }> {
    return this.#do(() => {
      const all = bytesOf(data);
      const from = typeof data === 'string' ? 0 : (offset ?? 0);
      const bytes = all.subarray(from, from + (length ?? all.byteLength - from));
      this.#disk.write(this.node, bytes, position ?? this.#position);
      if (position === null) this.#position += bytes.byteLength;
      return { bytesWritten: bytes.byteLength };
    });
  }

  readFile(encoding?: Encoding): Promise<Buffer | string> {
    return this.#do(() => decoded(Buffer.from(this.node.bytes), encoding));
  }

  writeFile(data: string | Uint8Array): Promise<void> {
    return this.#do(() => this.#disk.write(this.node, bytesOf(data), this.#position));
  }

  truncate(sizeBytes = 0): Promise<void> {
    return this.#do(() => this.#disk.truncate(this.node, sizeBytes));
  }

  sync(): Promise<void> {
    return this.#do(() => {});
  }

  datasync(): Promise<void> {
    return this.#do(() => {});
  }

  close(): Promise<void> {
    return this.#do(() => this.closeNow());
  }

  closeNow(): void {
    this.#closed = true;
    this.#endWriting();
  }

  #endWriting(): void {
    if (this.#writes) this.#disk.endWriting(this.node);
    this.#writes = false;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ? Promise.resolve() : this.close();
  }

  #do<T>(perform: () => T): Promise<T> {
    return this.process.onDisk(() => {
      if (this.#closed) throw new DiskError('EBADF', `fd ${this.fd}`);
      return perform();
    });
  }
}

type Callback<T> = (error: unknown, value?: T) => void;
type Transfer = [bytes: Uint8Array, offset: number, length: number, position: number | null, back: Callback<number>];

function callBack<T>(result: Promise<T>, back: Callback<T>): void {
  result.then((value) => back(null, value), back);
}

interface Entry {
  readonly name: string;
  readonly parentPath: string;
  isFile(): boolean;
  isDirectory(): boolean;
}

function entriesOf({ entries }: FolderNode, parentPath: string, recursive: boolean): Entry[] {
  return Array.from(entries).flatMap(([name, node]) => {
    const entry = {
      name,
      parentPath,
      isFile: () => node.kind === 'file',
      isDirectory: () => node.kind === 'folder',
    };
    const below = recursive && node.kind === 'folder' ? entriesOf(node, `${parentPath}/${name}`, true) : [];
    return [entry, ...below];
  });
}

function modesOf(flags: string | number) {
  if (typeof flags === 'number') {
    const { O_CREAT, O_EXCL, O_TRUNC, O_WRONLY, O_RDWR } = constants;
    const has = (flag: number): boolean => (flags & flag) !== 0;
    return { create: has(O_CREAT), exclusive: has(O_EXCL), truncate: has(O_TRUNC), writes: has(O_WRONLY | O_RDWR) };
  }
  const [mode] = flags;
  return {
    create: mode === 'w' || mode === 'a',
    exclusive: flags.includes('x'),
    truncate: mode === 'w',
    writes: flags !== 'r',
  };
}

const NANOSECONDS = 1_000_000;

function statsOf(node: DiskNode, options: StatOptions): Stats {
  const sizeBytes = node.kind === 'file' ? node.bytes.length : 4096;
  const nanoseconds = (ms: number): bigint =>
    BigInt(Math.floor(ms)) * BigInt(NANOSECONDS) + BigInt(Math.floor((ms % 1) * NANOSECONDS));
  const is = {
    isFile: () => node.kind === 'file',
    isDirectory: () => node.kind === 'folder',
    isSymbolicLink: () => false,
  };
  const { inode, mode, bornMs, mtimeMs, ctimeMs } = node;
  if (options?.bigint !== true)
    return { ...is, size: sizeBytes, mode, mtimeMs, ctimeMs, birthtimeMs: bornMs, ino: inode, dev: 1 } as Stats;
  return {
    ...is,
    size: BigInt(sizeBytes),
    mode: BigInt(mode),
    mtimeMs: BigInt(Math.floor(mtimeMs)),
    mtimeNs: nanoseconds(mtimeMs),
    ctimeNs: nanoseconds(ctimeMs),
    birthtimeNs: nanoseconds(bornMs),
    ino: BigInt(inode),
    dev: 1n,
  } as unknown as Stats;
}

function decoded(bytes: Buffer, encoding: Encoding): Buffer | string {
  const name = typeof encoding === 'string' ? encoding : encoding?.encoding;
  return name === undefined || name === null ? bytes : bytes.toString(name);
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data;
}
