import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { AttemptStarted } from '@runctl/protocol';
import type { WorkloadCommand } from '../supervisor/supervisor.ts';
import { findProgram } from './find-program.ts';

/** The program that runs a workload's code, as the machine has it. */
export type Interpreter = NonNullable<AttemptStarted['interpreter']>;

/** Finds the interpreter of a command; null where there is none, or it can't be found. Never rejects, and takes seconds at most. */
export type FindInterpreter = (command: WorkloadCommand) => Promise<Interpreter | null>;

/** A program that is itself a script leads to another, and that maybe to one more. */
const MOST_SCRIPTS = 4;
const VERSION_MS = 5000;
const LONGEST_LINE = 255;
/** Those that answer to `--version` and do nothing else. */
const ANSWERS = /^(python|pypy|node|ruby|perl|julia|Rscript|R|bash|zsh)[\d.]*$/;

/** Looks where the workload's own PATH leads, and asks the program itself for its version. `asUser` is put before that. */
export function findInterpreter(asUser: readonly string[]): FindInterpreter {
  return async (command) => {
    try {
      const path = await interpreterPath(command);
      return path === null ? null : { path, version: await versionOf([...asUser, path], command) };
    } catch {
      return null;
    }
  };
}

async function interpreterPath({ command, environment, folder }: WorkloadCommand): Promise<string | null> {
  let words = command;
  let found: string | null = null;
  for (let scripts = 0; scripts < MOST_SCRIPTS; scripts += 1) {
    const name = programOf(words);
    if (name === undefined) return found;
    found = await findProgram(name, { folder, path: environment['PATH'] ?? '' });
    if (found === null) return null;
    const line = await interpreterLineOf(found);
    if (line === null) return found;
    words = line;
  }
  return found;
}

/** The program behind `env` and what it sets. */
function programOf(words: readonly string[]): string | undefined {
  if (basename(words[0] ?? '') !== 'env') return words[0];
  const behind = words.slice(1).flatMap((word) =>
    word
      .replace(/^-S\s*/, '')
      .split(/\s+/)
      .filter(Boolean),
  );
  return behind.find((word) => !word.startsWith('-') && !/^[A-Za-z_]\w*=/.test(word)) ?? words[0];
}

async function interpreterLineOf(path: string): Promise<readonly string[] | null> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_LINE), 0, LONGEST_LINE, 0);
  const [, program, argument = ''] =
    /^#![ \t]*(\S+)[ \t]*([^\n]*?)[ \t]*\n/.exec(`${buffer.toString('latin1', 0, bytesRead)}\n`) ?? [];
  return program === undefined ? null : [program, ...(argument === '' ? [] : [argument])];
}

/** The first line of what it says of itself, such as `Python 3.12.3`; null where it says nothing. */
async function versionOf(program: readonly string[], { environment, folder }: WorkloadCommand): Promise<string | null> {
  if (!ANSWERS.test(basename(program.at(-1) ?? ''))) return null;
  const [file, ...args] = [...program, '--version'];
  const options = { cwd: folder, env: { ...environment }, timeout: VERSION_MS, killSignal: 'SIGKILL' as const };
  const text = await new Promise<string>((resolve) =>
    execFile(file, args, options, (error, stdout, stderr) => resolve(error === null ? stdout || stderr : '')),
  );
  const [line = ''] = text.trim().split('\n');
  // oxlint-disable-next-line no-control-regex -- What a program says of itself may be anything.
  const shown = line.replaceAll(/[\u0000-\u001f\u007f]/g, '').slice(0, 200);
  return shown === '' ? null : shown;
}
