import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chown, mkdir, open, rm } from 'node:fs/promises';
import { RunctlError } from '@runctl/core';
import type { RunProject } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { Account } from '../workload/account.ts';

/** Unpacks a gzip'd tar into the folder as the workload's user. What the folder has besides stays. */
export type UnpackCode = (archivePath: string, folder: string) => Promise<void>;

export interface CodeRequest {
  readonly store: ObjectStore;
  readonly project: RunProject;
  /** Where the archive is kept while it is unpacked. */
  readonly archivePath: string;
  readonly folder: string;
  readonly account: Account;
  readonly unpack: UnpackCode;
  readonly signal: AbortSignal;
}

/** Downloads the project's snapshot, verifies it, and unpacks it into `folder`. Idempotent. */
export async function placeCode(request: CodeRequest): Promise<void> {
  const { account, archivePath, folder, project } = request;
  await mkdir(folder, { recursive: true });
  if (account.switchTo !== null) {
    await chown(account.home, account.switchTo.uid, account.switchTo.gid);
    await chown(folder, account.switchTo.uid, account.switchTo.gid);
  }
  try {
    const sha256 = await download(request);
    if (sha256 !== project.archiveSha256)
      throw new RunctlError(
        'internal',
        `the project's archive has sha256 ${sha256}, expected ${project.archiveSha256}`,
      );
    await request.unpack(archivePath, folder);
  } finally {
    await rm(archivePath, { force: true });
  }
}

async function download({ store, project, archivePath, signal }: CodeRequest): Promise<string> {
  const { body } = await store.get(project.archiveKey, { signal });
  const hash = createHash('sha256');
  const file = await open(archivePath, 'w', 0o644);
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/**
 * Unpacks by the machine's own tar, run as the workload's user, so that the files are that user's. By Node's own spawn: the
 * agent is resident, and two commands a life do not pay for the memory of a library (the host's commands are the other).
 */
export function unpackWithTar(account: Account, environment: Readonly<Record<string, string | undefined>>): UnpackCode {
  return (archivePath, folder) =>
    new Promise((resolve, reject) => {
      const child = spawn('tar', ['--no-same-owner', '-xzf', '-', '-C', folder], {
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { ...environment },
        ...account.switchTo,
      });
      let complaint = '';
      child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve() : reject(new Error(`tar ended with ${code}: ${complaint.trim().slice(0, 500)}`)),
      );
      child.stdin.on('error', () => {}); // tar's own complaint says more
      createReadStream(archivePath).on('error', reject).pipe(child.stdin);
    });
}
