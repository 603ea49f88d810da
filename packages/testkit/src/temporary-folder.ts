import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh folder that is removed when its scope ends: `await using folder = await temporaryFolder()`. */
export async function temporaryFolder(name = 'runctl-test'): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), `${name}-`));
  // What a test has ended may write a last file meanwhile.
  const removal = { recursive: true, force: true, maxRetries: 10, retryDelay: 50 };
  return { path, [Symbol.asyncDispose]: () => rm(path, removal) };
}
