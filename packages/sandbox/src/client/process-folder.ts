import { existsSync, lstatSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { readRegion } from './sandbox-client.ts';

/** The folder below a process's folder in which its local cloud keeps its state. */
export const ownSandboxName = 'sandbox';

const ownerName = 'owner.sock';
const RANDOM_LETTERS = 6;

/** A temporary folder that lives as long as the process that made it. */
export interface ProcessFolder {
  readonly path: string;
  /** Removes it with its content. Idempotent; may be called while the process exits. */
  remove(): void;
}

/**
 * Makes `<under>/<prefix><random>` and first removes the folders of processes that were killed. A folder's owner
 * listens on a socket in it, which the kernel closes with the process: so nobody takes a stopped or very busy process, or one
 * of another container on the same disk, for a dead one, as a pid could be. A folder that has no such socket is left alone.
 */
export async function createProcessFolder(under: string, prefix: string): Promise<ProcessFolder> {
  await removeLeftFolders(under, prefix);
  const path = mkdtempSync(join(under, prefix));
  const server = createServer((socket) => socket.destroy()).unref();
  // A path may be too long for a socket's name: then the folder cannot be told from a dead one's, and is never swept.
  server.on('error', () => {});
  // Under its name only once it listens: before, it would refuse as a dead one's does.
  const unready = join(path, `${ownerName}-`);
  await new Promise((resolve) => server.once('error', resolve).listen(unready, () => resolve(null)));
  if (existsSync(unready)) renameSync(unready, join(path, ownerName));
  return {
    path,
    remove: () => {
      server.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

async function removeLeftFolders(under: string, prefix: string): Promise<void> {
  const names = readdirSync(under).filter(
    (name) => name.startsWith(prefix) && name.length === prefix.length + RANDOM_LETTERS,
  );
  for (const folder of names.map((name) => join(under, name)))
    if ((await isLeft(folder)) && !isEnding(join(folder, ownSandboxName)))
      await rm(folder, { recursive: true, force: true }).catch(() => {}); // the next one will
}

async function isLeft(folder: string): Promise<boolean> {
  const owner = join(folder, ownerName);
  try {
    if (!lstatSync(owner).isSocket()) return false;
  } catch {
    return false;
  }
  return new Promise((resolve) => {
    const socket = connect(owner, () => {
      resolve(false);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** A local cloud notices the death of its parent a moment later, and then has machines to end. */
function isEnding(stateFolder: string): boolean {
  const region = readRegion(stateFolder);
  if (region === null) return false;
  try {
    process.kill(region.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
