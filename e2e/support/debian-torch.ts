import { execFileSync } from 'node:child_process';

export const NO_TORCH = '/usr/bin/python3 has no PyTorch (Debian: apt-get install python3-torch)';

/** Whether the interpreter that Debian's packages belong to has PyTorch. */
export function hasTorch(): boolean {
  const code = 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("torch"))';
  try {
    execFileSync('/usr/bin/python3', ['-c', code]);
    return true;
  } catch {
    return false;
  }
}
