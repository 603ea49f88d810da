import { RunctlError } from '@runctl/core';
import { createHash, randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream, existsSync } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import type { ToolFile, ToolFinder, Tools } from '@runctl/operations/launch';
import { nodeRuntime, type NodeRuntime, type RuntimeSources } from './node-runtime.ts';

interface ToolFolders {
  readonly cacheFolder: string;
  /** Takes what the cache can't: a home may be read-only. */
  readonly temporaryFolder: () => Promise<string>;
}

/**
 * Finds the agent's bundle beside this one, and a Node binary that it packs once into `cacheFolder`. One that did not come
 * with runctl is fetched first.
 */
export function createToolFinder(folders: ToolFolders, sources: RuntimeSources): ToolFinder {
  return async (target) => {
    const runtime = await nodeRuntime(target, sources);
    const packing = usableFolder(folders).then((folder) => nodeFile(folder, runtime));
    const [agent, node] = await Promise.all([agentFile(), packing]);
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

interface PackedNode {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly sourceBytes: number;
  readonly sourceMtimeMs: number;
}

/** Packs the binary unless the cache has just this one. A fetched package never changes, so that its archive alone will do. */
async function nodeFile(cacheFolder: string, runtime: NodeRuntime): Promise<Tools['node']> {
  const { version, os, arch } = runtime;
  const name = `node-${version}-${os}-${arch}`;
  const archive = join(cacheFolder, `${name}.gz`);
  const about = join(cacheFolder, `${name}.json`);
  const kept = existsSync(archive) ? await readPacked(about) : null;
  const source = runtime.path === null ? null : await stat(runtime.path);
  const isCurrent =
    kept !== null && (source === null || (kept.sourceBytes === source.size && kept.sourceMtimeMs === source.mtimeMs));
  const packed = isCurrent ? kept : await runtime.use(cacheFolder, (path) => pack(path, { archive, about }));
  return {
    version,
    os,
    arch,
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

async function pack(source: string, target: { archive: string; about: string }): Promise<PackedNode> {
  const { size, mtimeMs } = await stat(source);
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
  const packed = { sha256: hash.digest('hex'), sizeBytes, sourceBytes: size, sourceMtimeMs: mtimeMs };
  await writeFile(target.about, JSON.stringify(packed));
  return packed;
}
