import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, realpath, rename, rm, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { readTar, type TarEntry } from './tar-reader.ts';

/**
 * Unpacks a gzip'd tar into `folder`, which must not exist, or be empty: it appears complete, by a rename, or not at all.
 * Throws when the archive is damaged or cut off, and when a name or a link in it leads outside.
 */
export async function unpackArchive(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
): Promise<{ fileCount: number }> {
  const target = resolve(folder);
  const staging = `${target}.unpacking-${randomBytes(6).toString('hex')}`;
  await mkdir(staging, { recursive: true });
  try {
    const fileCount = await unpackInto(archive, staging);
    await rename(staging, target);
    return { fileCount };
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

async function unpackInto(archive: AsyncIterable<Uint8Array>, staging: string): Promise<number> {
  const links: { readonly path: string; readonly target: string }[] = [];
  let fileCount = 0;
  const gunzip = createGunzip();
  const feeding = pipeline(Readable.from(archive), gunzip);
  // Its error reaches the reader through the stream; without a handler it would also count as unhandled.
  feeding.catch(() => {});
  for await (const entry of readTar(gunzip)) {
    const path = insidePath(staging, entry.path);
    if (entry.type === 'folder') await mkdir(path, { recursive: true });
    else if (entry.type === 'file') {
      await writeEntry(path, entry);
      fileCount++;
    } else if (entry.type === 'link') {
      links.push({ path, target: insideLink(staging, path, entry.linkTarget) });
      fileCount++;
    } else throw new Error(`the archive has an entry of an unknown kind: ${entry.path}`);
  }
  // Last, so that no file can be written through a link.
  for (const link of links) {
    await mkdir(dirname(link.path), { recursive: true });
    await symlink(link.target, link.path);
  }
  await refuseEscapes(
    staging,
    links.map((link) => link.path),
  );
  return fileCount;
}

/** Links that are harmless one by one can lead outside together. */
async function refuseEscapes(staging: string, links: readonly string[]): Promise<void> {
  const root = await realpath(staging);
  for (const link of links) {
    const place = await realpath(link).catch(() => root);
    if (relative(root, place).split('/').includes('..'))
      throw new Error(`the archive has a link that leads outside: ${relative(staging, link)}`);
  }
}

async function writeEntry(path: string, entry: TarEntry): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const mode = (entry.mode & 0o100) === 0 ? 0o644 : 0o755;
  await pipeline(Readable.from(entry.content), createWriteStream(path, { flags: 'wx', mode }));
}

function insidePath(root: string, name: string): string {
  const path = normalize(name);
  if (name === '' || isAbsolute(path) || path.split('/').includes('..') || path.includes('\0'))
    throw new Error(`the archive has a name that leads outside: ${name}`);
  return join(root, path);
}

function insideLink(root: string, path: string, target: string): string {
  const inside = relative(root, resolve(dirname(path), target));
  if (target === '' || isAbsolute(target) || inside.split('/').includes('..'))
    throw new Error(`the archive has a link that leads outside: ${target}`);
  return target;
}
