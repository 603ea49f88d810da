import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** Newest first; the pinned packages need 3.12. */
const CANDIDATES = ['python3.13', 'python3.12', 'python3'];
const OLDEST = 12;

export interface PeersPython {
  readonly python: string;
  /** Requirements that could not be installed, with why. */
  readonly missing: ReadonlyMap<string, string>;
}

/**
 * A virtual environment with what can be installed of the requirements, kept between calls. Each is installed for itself,
 * so that one that a platform or a registry lacks costs only its own frameworks. Null and why when there is no Python for it.
 */
export async function peersPython(
  folder: string,
  requirements: readonly string[],
): Promise<PeersPython | { readonly problem: string }> {
  const python = join(folder, 'bin', 'python');
  if (!existsSync(python)) {
    const base = await usablePython();
    if (base === null) return { problem: `no Python >= 3.${OLDEST} with venv` };
    await mkdir(folder, { recursive: true });
    const made = await execa(base, ['-m', 'venv', folder], { reject: false });
    if (made.failed) return { problem: `python -m venv: ${lastLine(made.stderr)}` };
  }
  const missing = new Map<string, string>();
  for (const requirement of requirements) {
    const name = requirement.split('==')[0] ?? requirement;
    const installed = await execa(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement],
      {
        reject: false,
      },
    );
    if (installed.failed) missing.set(name, lastLine(installed.stderr));
  }
  return { python, missing };
}

async function usablePython(): Promise<string | null> {
  for (const candidate of [...CANDIDATES, ...(await pyenvPythons())]) {
    const asked = await execa(candidate, ['-c', 'import sys, venv; print(sys.version_info[1])'], { reject: false });
    if (!asked.failed && Number(asked.stdout) >= OLDEST) return candidate;
  }
  return null;
}

/** Those that pyenv has installed: its `python3` is only the one that was chosen last. */
async function pyenvPythons(): Promise<readonly string[]> {
  const versions = join(process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions');
  const names = await readdir(versions).catch(() => []);
  return names.map((name) => join(versions, name, 'bin', 'python'));
}

export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
