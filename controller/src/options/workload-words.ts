import { command, RunctlError } from '@runctl/core';
import type { AskedStart } from '@runctl/workspace';

/** The words of a command line that say what to run. */
export interface WorkloadWords {
  /** The command that takes them. */
  readonly path: string;
  /** `-m`; undefined where it is not given. */
  readonly module: string | undefined;
  /** Before `--`. */
  readonly own: readonly string[];
  /** Behind `--`; null without one. */
  readonly behind: readonly string[] | null;
}

/** What they ask for. Errors: `usage` where nothing is asked for, or two things at once. */
export function askedStart({ path, module, own, behind }: WorkloadWords): AskedStart {
  const [script, ...args] = own;
  if (module !== undefined) return askedModule({ path, module, own, behind });
  if (script !== undefined) {
    if (script.trim() === '')
      throw new RunctlError('usage', 'script is empty', { hint: 'check the shell variable that it comes from' });
    return { kind: 'script', script, args: [...args, ...(behind ?? [])] };
  }
  if (behind !== null && behind.length > 0) return { kind: 'command', command: behind };
  throw new RunctlError('usage', `${path} needs a script, a module or a command`, {
    hint: [
      command(path, 'train.py'),
      ', ',
      command(path, '-m', 'package.train'),
      ' or ',
      command(path, '--', 'make', 'train'),
    ],
  });
}

function askedModule({ path, module, own, behind }: WorkloadWords & { readonly module: string }): AskedStart {
  if (own.length === 0) return { kind: 'module', module, args: behind ?? [] };
  throw new RunctlError('usage', `both -m ${module} and ${own[0]} say what to run`, {
    hint: [
      command(path, '-m', module, '--', ...own, ...(behind ?? [])),
      ` runs the module with ${own[0]} as its argument; without -m the script is run`,
    ],
  });
}
