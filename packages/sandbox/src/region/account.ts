import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const accountFile = z.object({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  /** The last region's port; taken again when it is free, so that exported environments stay good. */
  port: z.number().int().optional(),
});
export type RegionAccount = z.output<typeof accountFile>;

const accountName = 'account.json';

/** The account's user key. It outlives the region, as an account does. */
export function loadAccount(stateFolder: string): RegionAccount {
  try {
    return accountFile.parse(JSON.parse(readFileSync(join(stateFolder, accountName), 'utf8')));
  } catch {
    const letters = Array.from(randomBytes(16), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(byte % 32));
    return { accessKeyId: `AKIA${letters.join('')}`, secretAccessKey: randomBytes(30).toString('base64url') };
  }
}

export function saveAccount(stateFolder: string, account: RegionAccount): void {
  writePrivateFile(join(stateFolder, accountName), account);
}

/** Writes one JSON line that only its owner can read; a reader sees the old content or the new one. */
export function writePrivateFile(path: string, content: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
