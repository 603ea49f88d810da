import { open, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { RunctlError } from '@runctl/core';
import { type ChosenInterpreter, interpreterLine, isExecutable, scriptInterpreter } from '../interpreter.ts';
import type { Project } from '../project.ts';
import { localLineNotes, localProgramNotes } from './local-program.ts';
import { isPython } from './named-interpreter.ts';
import { needsPackage } from './package-imports.ts';
import type { Start } from './start.ts';

const MOST_BYTES = 1024 * 1024;

/**
 * A script as its `#!` line or its ending says, or run by `interpreter`; as a module where it lies in a package, whose relative
 * imports need that.
 */
export async function scriptStart(
  project: Project & { readonly script: string },
  { args, interpreter: named }: { readonly args: readonly string[]; readonly interpreter: ChosenInterpreter | null },
): Promise<Start> {
  const { root, script } = project;
  const path = join(root, script);
  if (named === null) await refuseWindowsLine(path, script);
  const interpreter = named ?? (await scriptInterpreter(path));
  const place = extname(script) === '.py' ? await placeInPackage(project) : null;
  const python = place === null ? null : await pythonOf(path, interpreter);
  const { command, reason } = interpreter;
  const shown = command.join(' ') || 'the machine itself';
  const reasons = [`${shown} runs ${script}, since ${reason}`];
  const notes = named === null ? await lineNotes(path, { script, command }) : localProgramNotes(command[0] ?? '');
  const interpreterFile = interpreter.file;
  if (place === null || python === null)
    return { project, interpreterFile, words: { kind: 'script', script, args, interpreter: command }, notes, reasons };
  const own = (await importsNeighbour(path)) ? [dirname(script)] : [];
  const importRoots = [...new Set([place.importRoot, '', ...own])];
  const words = { kind: 'module', module: place.module, args, interpreter: python, importRoots } as const;
  const asModule = `it runs as the module ${place.module}, since there is an __init__.py beside it: the command ${python.join(' ')} ${script} would run the file`;
  return { project, interpreterFile, words, notes, reasons: [...reasons, asModule] };
}

interface PlaceInPackage {
  readonly module: string;
  readonly importRoot: string;
}

/** The module that a script of a package is; null outside of packages. */
async function placeInPackage({
  root,
  name,
  script,
}: Project & { readonly script: string }): Promise<PlaceInPackage | null> {
  const names = [basename(script, '.py')];
  let folder = dirname(script);
  for (; folder !== '.' && (await isPackage(join(root, folder))); folder = dirname(folder))
    names.unshift(basename(folder));
  // A project is a package itself where a marker lies in the package; an __init__.py that nobody needs makes none.
  const isWhole = folder === '.' && name === basename(root) && (await isPackage(root));
  const importRoot = isWhole && (await needsPackage(root, script, name)) ? '..' : folder === '.' ? '' : folder;
  if (importRoot === '..') names.unshift(name);
  if (names.length === 1 || names.some((each) => each.includes('.'))) return null;
  const module = names.at(-1) === '__main__' ? names.slice(0, -1) : names;
  return { module: module.join('.'), importRoot };
}

const isPackage = (folder: string): Promise<boolean> => isFile(join(folder, '__init__.py'));

/** The Python that a script asks for; null where something else runs it. */
async function pythonOf(path: string, { command }: ChosenInterpreter): Promise<readonly string[] | null> {
  const asked = command.length > 0 ? command : ((await interpreterLine(path)) ?? []);
  return isPython(asked) ? asked : null;
}

/** What may surprise in the lines of a script. */
async function lineNotes(
  path: string,
  { script, command }: { readonly script: string; readonly command: readonly string[] },
): Promise<readonly string[]> {
  const [program] = command;
  const byEnding = program !== undefined && !isAbsolute(program);
  return [...(await windowsNotes(path, script)), ...(byEnding ? [] : await localLineNotes(path, script))];
}

/** Whether it imports a file beside it by its bare name, as only a script can. */
async function importsNeighbour(path: string): Promise<boolean> {
  const folder = dirname(path);
  const text = await readFile(path, 'utf8');
  const names = [...text.slice(0, MOST_BYTES).matchAll(/^[ \t]*(?:from|import)[ \t]+([\p{L}_][\p{L}\p{N}_]*)/gmu)];
  for (const [, name = ''] of names)
    if ((await isFile(join(folder, `${name}.py`))) || (await isFile(join(folder, name, '__init__.py')))) return true;
  return false;
}

/** The kernel looks for a program whose name ends with the carriage return. */
async function refuseWindowsLine(path: string, script: string): Promise<void> {
  if (!(await isExecutable(path)) || extname(script) !== '') return;
  const first = await firstLine(path);
  if (!/^#!.*\r$/.test(first)) return;
  throw new RunctlError(
    'usage',
    `the first line of ${script} ends as on Windows, so the machine would not find ${JSON.stringify(first.slice(2).trimStart())}`,
    {
      hint: `take the carriage returns out: sed -i 's/\\r$//' ${script}`,
    },
  );
}

async function windowsNotes(path: string, script: string): Promise<readonly string[]> {
  if (extname(script) !== '.sh' || !(await firstLine(path)).endsWith('\r')) return [];
  return [
    `the lines of ${script} end as on Windows, which a shell takes for a part of its commands: sed -i 's/\\r$//' ${script}`,
  ];
}

async function firstLine(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
  return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0] ?? '';
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}
