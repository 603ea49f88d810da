import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Python that really runs: the system's own first, since what the PATH offers may be a version manager's stand-in. */
export async function findPython(path: string): Promise<string | null> {
  const offered = path
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => `${folder}/python3`);
  for (const candidate of ['/usr/bin/python3', ...offered]) {
    try {
      const { stdout } = await run(candidate, ['-c', 'import sys; print(sys.executable)'], { timeout: 10_000 });
      const real = stdout.trim();
      if (real.startsWith('/')) return real;
    } catch {
      // Not there, or a stand-in for nothing.
    }
  }
  return null;
}
