import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { RunctlError } from '@runctl/core';
import { type ChosenInterpreter, isExecutable } from '../interpreter.ts';
import type { Project } from '../project.ts';
import { NEVER_COPIED } from '../walk.ts';
import type { StartOptions } from './start.ts';

/**
 * The interpreter that `--interpreter` names: a program of the machine, or an executable of the project by a relative path; null
 * where it names none. Errors: `usage` for a path that the machine will not have.
 */
export async function namedInterpreter(
  { root }: Project,
  { cwd, interpreter }: StartOptions,
): Promise<ChosenInterpreter | null> {
  if (interpreter === undefined) return null;
  const reason = '--interpreter names it';
  const refuse = (problem: string): RunctlError =>
    new RunctlError('usage', `--interpreter ${interpreter} ${problem}`, {
      hint: 'give the name or the path that the interpreter has on the machine, or an executable of the project',
    });
  const path = resolve(cwd, interpreter);
  if (await isFolder(interpreter, path)) throw refuse('is a folder, not a program');
  if (!interpreter.includes('/')) return { command: [interpreter], reason };
  const inside = relative(root, path).split(sep).join('/');
  const isOfProject = !inside.startsWith('..') && !isAbsolute(inside);
  if (!isOfProject && isAbsolute(interpreter)) return { command: [interpreter], reason };
  if (!isOfProject) throw refuse('lies outside of the project, which is all that the machine gets');
  if (inside.split('/').some((name) => NEVER_COPIED.has(name))) throw refuse('is never sent to a machine');
  if ((await stat(path).catch(() => null))?.isFile() !== true) throw refuse('is not a file of the project');
  if (!(await isExecutable(path))) throw refuse('is not executable');
  return { command: [`./${inside}`], reason, file: inside };
}

/** A bare name is looked up in PATH on the machine, whatever folder of that name is here, unless that is an environment. */
async function isFolder(interpreter: string, path: string): Promise<boolean> {
  const isBare = !interpreter.includes('/') && !/^\.{1,2}$/.test(interpreter);
  const found = await stat(isBare ? join(path, 'pyvenv.cfg') : path).catch(() => null);
  return isBare ? found !== null : found?.isDirectory() === true || interpreter.endsWith('/');
}

const NO_MODULES =
  /^(?:(?:ba|da|z|k|mk|fi|c|tc)?sh|node|bun|deno|R|Rscript|julia|perl|ruby|lua|php|java|make|uv|uvx|poetry|conda|accelerate)[\d.]*$/;

/** Refuses a program that is known to run no module by `-m`. Errors: `usage`. */
export function refuseNoModules(command: readonly string[]): void {
  const [program = ''] = command;
  if (!NO_MODULES.test(basename(program))) return;
  throw new RunctlError('usage', `${program} runs no module: -m is for a Python`, {
    hint: 'give a Python to --interpreter, such as python3.12, or name the file to run without -m',
  });
}

/** Whether a command, or the line of a script, leads to a Python, which can run a module. */
export function isPython(command: readonly string[]): boolean {
  const words = command.flatMap((word) => word.split(/\s+/));
  return words.some((word) => /^(?:python|pypy)[\d.]*[a-z]?$/.test(basename(word)));
}
