import { chmod, chown } from 'node:fs/promises';

/** Any user but root: whoever is root may look everywhere, whatever a mode says. */
const ORDINARY_USER = 65_534;

/**
 * Nobody may open `path` until the scope ends, this process neither: where it is root's it acts as an ordinary user
 * meanwhile, to whom `root` is given. Null where that can't be had (a thread of a process, Windows).
 */
export async function forbiddenPath(
  path: string,
  { root }: { readonly root: string },
): Promise<AsyncDisposable | null> {
  const { getuid, seteuid } = process;
  if (getuid === undefined) return null;
  const isRoot = getuid() === 0;
  if (isRoot && seteuid === undefined) return null;
  await chmod(path, 0);
  if (isRoot) {
    await chown(root, ORDINARY_USER, ORDINARY_USER);
    seteuid?.(ORDINARY_USER);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      if (isRoot) seteuid?.(0);
      await chmod(path, 0o700);
    },
  };
}
