import { open, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { RunctlError } from '@runctl/core';
import { interpreterLine, isExecutable, scriptInterpreter } from '../interpreter.ts';
import type { Project } from '../project.ts';
import { localLineNotes } from './local-program.ts';
import type { Start } from './start.ts';

const MOST_BYTES = 1024 * 1024;

/** A script as its `#!` line or its ending says; as a module where it lies in a package, whose relative imports need that. */
export async function scriptStart(
  project: Project & { readonly script: string },
  args: readonly string[],
): Promise<Start> {
  const { root, script } = project;
  const path = join(root, script);
  await refuseWindowsLine(path, script);
  const packaged = extname(script) === '.py' ? await placeInPackage(root, script) : null;
  const python = packaged === null ? null : await pythonOf(path);
  if (packaged === null || python === null) {
    const interpreter = await scriptInterpreter(path);
    const [program] = interpreter;
    const byEnding = program !== undefined && !isAbsolute(program);
    const notes = [...(await windowsNotes(path, script)), ...(byEnding ? [] : await localLineNotes(path, script))];
    return { project, words: { kind: 'script', script, args, interpreter }, notes };
  }
  const own = (await importsNeighbour(path)) ? [dirname(script)] : [];
  const importRoots = [...new Set([packaged.importRoot, '', ...own])];
  const words = { kind: 'module', module: packaged.module, args, interpreter: python, importRoots } as const;
  const [program = ''] = python;
  return { project, words, notes: isAbsolute(program) ? await localLineNotes(path, script) : [] };
}

/** The module that a script of a package is; null outside of packages. The project's own folder is no package. */
async function placeInPackage(
  root: string,
  script: string,
): Promise<{ readonly module: string; readonly importRoot: string } | null> {
  const names = [basename(script, '.py')];
  let folder = dirname(script);
  for (; folder !== '.' && (await isFile(join(root, folder, '__init__.py'))); folder = dirname(folder))
    names.unshift(basename(folder));
  if (names.length === 1 || names.some((name) => name.includes('.'))) return null;
  const module = names.at(-1) === '__main__' ? names.slice(0, -1) : names;
  return { module: module.join('.'), importRoot: folder === '.' ? '' : folder };
}

/** The Python that a script asks for; null where its `#!` line names something else. */
async function pythonOf(path: string): Promise<readonly string[] | null> {
  const line = (await isExecutable(path)) ? await interpreterLine(path) : null;
  if (line === null) return ['python3'];
  return /\bpython[\d.]*\b/.test(line.join(' ')) ? line : null;
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
