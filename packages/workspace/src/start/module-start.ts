import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { command, nearest, RunctlError } from '@runctl/core';
import { projectOf, type FindProjectOptions, type Project } from '../project.ts';
import { localProgramNotes } from './local-program.ts';
import { namedInterpreter, refuseNoModules } from './named-interpreter.ts';
import type { Start, StartOptions } from './start.ts';

/** Folders in which projects keep their packages, apart from their own. */
const SOURCE_FOLDERS = ['src', 'python', 'lib'];

/**
 * A module by its dotted name, looked for where the person stands, in the project and in its `src`. One whose first name is not
 * there is taken for one that is installed on the machine, with a note. Errors: `usage`, `script-not-found`.
 */
export async function moduleStart(
  { module, args }: { readonly module: string; readonly args: readonly string[] },
  options: StartOptions,
): Promise<Start> {
  await refuseNoModule(module, args);
  const project = await projectOf(options.cwd, options);
  const named = await namedInterpreter(project, options);
  const interpreterFile = named?.file;
  const interpreter = named?.command ?? ['python3'];
  refuseNoModules(interpreter);
  const words = (importRoots: readonly string[]): Start['words'] => ({
    kind: 'module',
    module,
    args,
    interpreter,
    importRoots,
  });
  const [program = ''] = interpreter;
  const runs = `${program} runs ${module}, since ${named?.reason ?? 'that is what -m asks for'}`;
  const programNotes = localProgramNotes(program);
  const place = await find(project, await rootsOf(project, { ...options, module }), module);
  if (place === null) {
    const note = `there is no module ${module} in the project: the machine's own ${program} must have it`;
    return { project, interpreterFile, words: words(['']), notes: [...programNotes, note], reasons: [runs] };
  }
  const importRoots = [...new Set([place.root, ''])];
  const reasons = [runs, `${module} is ${place.file} of the project`];
  return {
    project: { ...project, script: place.file },
    interpreterFile,
    words: words(importRoots),
    notes: programNotes,
    reasons,
  };
}

/** The file of a module, absolute; null where it is not in the project or can't be run. */
export async function modulesNamed(module: string, options: FindProjectOptions): Promise<string | null> {
  const project = await projectOf(options.cwd, options);
  const place = await find(project, await rootsOf(project, { ...options, module }), module).catch(() => null);
  return place === null ? null : join(project.root, place.file);
}

async function refuseNoModule(module: string, args: readonly string[]): Promise<void> {
  const dotted = module.replace(/\.py$/, '').replace(/^\.\//, '').replaceAll('/', '.');
  const rest = args.length === 0 ? [] : ['--', ...args];
  if (module.endsWith('.py') || module.includes('/'))
    throw new RunctlError('usage', `-m takes the dotted name of a module, not ${module}`, {
      hint: ['did you mean ', command('launch', '-m', dotted, ...rest), '? a file goes without -m'],
    });
  if (!/^[^\s.-][^\s.]*(\.[^\s.]+)*$/u.test(module))
    throw new RunctlError('usage', `-m takes the dotted name of a module, not ${JSON.stringify(module)}`, {
      hint: 'such as package.train',
    });
}

/** Folders of the project in which a module may lie, the likeliest first. */
async function rootsOf(
  project: Project,
  { cwd, module }: Pick<FindProjectOptions, 'cwd'> & { readonly module: string },
): Promise<readonly string[]> {
  const here = relative(project.root, cwd).split(sep).join('/');
  const below = here === '' || here.startsWith('..') ? [] : [here];
  const isItself = project.name === basename(project.root) && module.split('.')[0] === project.name;
  const above = isItself && (await is('file', join(project.root, '__init__.py'))) ? ['..'] : [];
  return [...below, '', ...SOURCE_FOLDERS, ...above];
}

interface Place {
  readonly root: string;
  /** Below the project. */
  readonly file: string;
}

async function find(project: Project, roots: readonly string[], module: string): Promise<Place | null> {
  const path = module.replaceAll('.', '/');
  for (const root of roots) {
    const at = join(project.root, root, path);
    const inProject = (file: string): string => relative(project.root, file).split(sep).join('/');
    const main = join(at, '__main__.py');
    if (await is('file', main)) return { root, file: inProject(main) };
    if (await is('file', `${at}.py`)) return { root, file: inProject(`${at}.py`) };
    if (await is('file', join(at, '__init__.py'))) throw await noMain(at, module);
  }
  const [first = ''] = module.split('.');
  for (const root of roots) {
    const at = join(project.root, root, first);
    if (module.includes('.') && (await is('folder', at)) && (await holdsPython(at)))
      throw await notThere(project.root, root, module);
  }
  return null;
}

async function noMain(folder: string, module: string): Promise<RunctlError> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.py') && !name.startsWith('__')).sort();
  const [first] = names;
  return new RunctlError(
    'script-not-found',
    `${module} is a package without __main__.py, so it can't be run by its name`,
    {
      hint:
        first === undefined
          ? 'name a module of it'
          : ['name a module of it: ', command('launch', '-m', `${module}.${first.replace(/\.py$/, '')}`)],
    },
  );
}

async function notThere(projectRoot: string, root: string, module: string): Promise<RunctlError> {
  const names = module.split('.');
  const parent = names.slice(0, -1);
  const beside = await readdir(join(projectRoot, root, ...parent)).catch(() => []);
  const modules = beside.map((name) => name.replace(/\.py$/, ''));
  const close = nearest(names.at(-1) ?? '', modules);
  return new RunctlError('script-not-found', `there is no module ${module} in ${join(projectRoot, root)}`, {
    hint: close === null ? `looked for ${join(root, ...names)}.py` : `did you mean ${[...parent, close].join('.')}?`,
  });
}

async function holdsPython(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => name.endsWith('.py'));
}

async function is(kind: 'file' | 'folder', path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return kind === 'file' ? found?.isFile() === true : found?.isDirectory() === true;
}
