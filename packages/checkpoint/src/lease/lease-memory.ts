import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { newNonce } from '@runctl/core';

/** What makes a restarted agent the same holder. */
export interface LeaseIdentity {
  readonly nonce: string;
  /** The generation that was held last; null when none was. */
  readonly generation: number | null;
}

export interface LeaseMemory {
  load(): Promise<LeaseIdentity | null>;
  /** Durable once it resolves. */
  save(identity: LeaseIdentity): Promise<void>;
}

/** A small file that is replaced whole. A torn or foreign one counts as none: a new nonce then waits out the old lease. */
export function fileLeaseMemory(path: string): LeaseMemory {
  return {
    load: async () => {
      try {
        const { nonce, generation } = JSON.parse(await readFile(path, 'utf8')) as Partial<LeaseIdentity>;
        if (typeof nonce !== 'string' || nonce === '') return null;
        return { nonce, generation: typeof generation === 'number' ? generation : null };
      } catch (error) {
        if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
    },
    save: async (identity) => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${newNonce()}`;
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(identity)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    },
  };
}
