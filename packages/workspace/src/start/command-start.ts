import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { command as mention, nearest, RunctlError } from '@runctl/core';
import { isExecutable } from '../interpreter.ts';
import { projectOf } from '../project.ts';
import { localLineNotes, localProgramNotes } from './local-program.ts';
import { namedScript } from './named-script.ts';
import type { Start, StartOptions } from './start.ts';

/**
 * Any command, in the folder of the project in which the person stands. Its program is a path of the project or a name that only
 * the machine knows. Errors: `usage` for a program that can't run there, `script-not-found` for a path that is not there.
 */
export async function commandStart(
  { command }: { readonly command: readonly string[] },
  options: StartOptions,
): Promise<Start> {
  const [program = '', ...args] = command;
  if (options.interpreter !== undefined)
    throw new RunctlError('usage', `--interpreter ${options.interpreter} has no meaning for a command`, {
      hint: 'the first word behind -- is the program that runs',
    });
  const project = await projectOf(options.cwd, options);
  const cwd = await realpath(options.cwd);
  const inProject = (path: string): string => relative(project.root, path).split(sep).join('/');
  await refuseNoProgram(program, args, { cwd, root: project.root });
  const isPath = program.includes('/') && !isAbsolute(program);
  const { file, notes } = isPath
    ? { file: program, notes: await localLineNotes(resolve(cwd, program), program) }
    : await scriptOfCommand(command, cwd);
  const script = file === null ? null : inProject(resolve(cwd, file));
  if (script?.startsWith('..') === true)
    throw new RunctlError('script-outside-project', `${file} is not inside the project ${project.root}`, {
      hint: 'only the project is copied to the instance: name a root that has it with --project',
    });
  const words = { kind: 'command', command, folder: inProject(cwd) } as const;
  return { project: { ...project, script }, words, notes: [...localProgramNotes(program), ...notes], reasons: [] };
}

interface Place {
  readonly cwd: string;
  readonly root: string;
}

async function refuseNoProgram(program: string, args: readonly string[], { cwd, root }: Place): Promise<void> {
  if (program.trim() === '')
    throw new RunctlError('usage', 'the command behind -- is empty', {
      hint: 'check the shell variable that it comes from',
    });
  if (/^[A-Za-z_][A-Za-z0-9_]*=/.test(program))
    throw new RunctlError('usage', `${program} is a variable, not a command`, {
      hint: [mention('launch', '--env', program, '--', ...args), ' sets it'],
    });
  const path = resolve(cwd, program);
  const found = await stat(path).catch(() => null);
  if (isAbsolute(program)) {
    if (!program.startsWith(`${root}/`)) return;
    throw new RunctlError('usage', `${program} is a path of this computer`, {
      hint: `on the machine the project lies elsewhere: write ./${relative(cwd, program)}`,
    });
  }
  if (!program.includes('/')) {
    if (found?.isFile() === true)
      throw new RunctlError('usage', `${program} is a file here, and a command behind -- is looked up in PATH`, {
        hint: [
          mention('launch', program, ...(args.length === 0 ? [] : ['--', ...args])),
          ` runs it as a script; write ./${program} where you mean a program`,
        ],
      });
    if (/\s/.test(program))
      throw new RunctlError('usage', `there can be no program ${JSON.stringify(program)}`, {
        hint: [
          'write the words without quotes, or let a shell read them: ',
          mention('launch', '--', 'bash', '-c', [program, ...args].join(' ')),
        ],
      });
    if (/\.(py|sh)$/.test(program)) throw await missing(path, program);
    return;
  }
  if (found === null) throw await missing(path, program);
  if (!found.isFile()) throw new RunctlError('usage', `${program} is not a file`, { hint: 'name the program to run' });
  if (!(await isExecutable(path)))
    throw new RunctlError('usage', `${program} is not executable`, {
      hint: [
        `chmod +x ${program}, or `,
        mention('launch', program, ...(args.length === 0 ? [] : ['--', ...args])),
        ' runs it as a script',
      ],
    });
}

/**
 * The script that an interpreter among the words is to run. A word that does not look like a path may be anything, and is only
 * noted. Errors: `script-not-found` where the script is not there.
 */
async function scriptOfCommand(
  command: readonly string[],
  cwd: string,
): Promise<{ file: string | null; notes: readonly string[] }> {
  const script = namedScript(command);
  if (script === null || isAbsolute(script)) return { file: null, notes: [] };
  const path = resolve(cwd, script);
  const found = await stat(path).catch(() => null);
  if (found?.isFile() === true) return { file: script, notes: [] };
  const main = join(script, '__main__.py');
  const isFolder = found?.isDirectory() === true;
  if (isFolder && (await stat(resolve(cwd, main)).catch(() => null))?.isFile() === true)
    return { file: main, notes: [] };
  const problem = isFolder ? `${script} is a folder without __main__.py` : `there is no ${script} here`;
  if (/\.(py|sh)$|\//.test(script))
    throw isFolder
      ? new RunctlError('script-not-found', problem, { hint: 'name the script to run' })
      : await missing(path, script);
  return { file: null, notes: [`${problem}, which the command seems to run`] };
}

async function missing(path: string, asGiven: string): Promise<RunctlError> {
  const close = nearest(basename(path), await readdir(dirname(path)).catch(() => []));
  const folder = /^(.*\/)?/.exec(asGiven)?.[0] ?? '';
  const meant = close === null ? '' : `did you mean ${folder}${close}? `;
  return new RunctlError('script-not-found', `there is no ${asGiven} here`, { hint: `${meant}(looked for ${path})` });
}
