import { constants } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { extname } from 'node:path';

const BY_ENDING: Readonly<Record<string, string>> = { '.py': 'python3', '.sh': 'bash', '.js': 'node', '.mjs': 'node' };
/** The kernel reads no further (execve(2)). */
const LONGEST_LINE = 255;

/** What runs a script. */
export interface ChosenInterpreter {
  /** Empty when the machine's kernel runs the file by itself. */
  readonly command: readonly string[];
  /** Why it was chosen, for people. */
  readonly reason: string;
  /** Where it is a file of the project: its path below the root, with `/`. */
  readonly file?: string;
}

/**
 * The command that runs a script on a machine. An executable's `#!` line is obeyed, and so is that of a script whose ending
 * does not say more than "for some shell" or nothing; without one the ending decides. Rejects when the file can't be read.
 */
export async function scriptInterpreter(path: string): Promise<ChosenInterpreter> {
  const ending = extname(path);
  const line = await interpreterLine(path);
  const byEnding = BY_ENDING[ending];
  if (line !== null && (await isExecutable(path)))
    return { command: [], reason: `it is executable, and its first line names ${line.join(' ')}` };
  if (line !== null && (byEnding === undefined || ending === '.sh'))
    return { command: line, reason: `its first line names ${line.join(' ')}` };
  if (byEnding === undefined) return { command: [], reason: 'neither an ending nor a first line names an interpreter' };
  return { command: [byEnding], reason: `its name ends in ${ending}` };
}

/** Program and its one argument of a `#!` line; null where there is no line that a kernel could obey. Rejects when the file can't be read. */
export async function interpreterLine(path: string): Promise<readonly string[] | null> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, 0);
    const found = /^#![ \t]*(\/[^\s]+)(?:[ \t]+([^\n]*?))?[ \t]*\n/.exec(
      `${buffer.toString('latin1', 0, bytesRead)}\n`,
    );
    const [, program, argument] = found ?? [];
    if (program === undefined || argument?.endsWith('\r') === true) return null;
    return argument === undefined || argument === '' ? [program] : [program, argument];
  } finally {
    await file.close();
  }
}

/** Whether this user may execute a file. */
export function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
