import { relative, sep } from 'node:path';
import { command, isRunctlError, RunctlError } from '@runctl/core';
import { findProject, type FindProjectOptions, type Project } from '../project.ts';
import { commandStart } from './command-start.ts';
import { moduleStart, modulesNamed } from './module-start.ts';
import { requirementNotes } from './requirements.ts';
import { namedInterpreter } from './named-interpreter.ts';
import { scriptStart } from './script-start.ts';

/** What a person asks to run. */
export type AskedStart =
  | { readonly kind: 'script'; readonly script: string; readonly args: readonly string[] }
  | { readonly kind: 'module'; readonly module: string; readonly args: readonly string[] }
  | { readonly kind: 'command'; readonly command: readonly string[] };

/** What a machine runs; the specification's workload without its environment. */
export type StartWords =
  | {
      readonly kind: 'script';
      readonly script: string;
      readonly args: readonly string[];
      readonly interpreter: readonly string[];
    }
  | {
      readonly kind: 'module';
      readonly module: string;
      readonly args: readonly string[];
      readonly interpreter: readonly string[];
      /** Folders of the project in which imports are looked for first; '' is the project. */
      readonly importRoots: readonly string[];
    }
  | {
      readonly kind: 'command';
      readonly command: readonly string[];
      /** Folder of the project in which it starts; '' is the project. */
      readonly folder: string;
    };

export interface Start {
  readonly project: Project;
  readonly words: StartWords;
  /** The interpreter that `--interpreter` names, where it is a file of the project, with `/`. It must reach the instance. */
  readonly interpreterFile?: string | undefined;
  /** What may surprise, one sentence each. */
  readonly notes: readonly string[];
  /** What was guessed and why, one sentence each. */
  readonly reasons: readonly string[];
}

export interface StartOptions extends FindProjectOptions {
  /** The program that runs a script or a module, by its name or its path; undefined = it is guessed. */
  readonly interpreter?: string | undefined;
}

/**
 * Finds how the machine has to start what was asked for. Errors: `usage` for what can't run there as it is written, and those
 * of `findProject`.
 */
export async function findStart(asked: AskedStart, options: StartOptions): Promise<Start> {
  const start = await foundStart(asked, options);
  const { root } = start.project;
  const given = asked.kind === 'command' ? asked.command : asked.args;
  const local = given.filter((word) => word.includes(`${root}/`));
  const localNotes = local.map((word) => `${word} names a folder of this computer, which the machine does not have`);
  const notes = [...start.notes, ...localNotes, ...(await requirementNotes(start))];
  return { ...start, notes, reasons: [projectReason(start.project), ...start.reasons] };
}

/** Without the path: the specification has it, which others read. */
function projectReason({ name, marker }: Project): string {
  if (marker === 'option') return `the project is the folder ${name}, which --project names`;
  if (marker !== null) return `the project is the folder ${name}, the nearest with ${marker}`;
  return `the project is the folder ${name}, since no folder above it has a .git, pyproject.toml or the like`;
}

async function foundStart(asked: AskedStart, options: StartOptions): Promise<Start> {
  if (asked.kind === 'module') return moduleStart(asked, options);
  if (asked.kind === 'command') return commandStart(asked, options);
  try {
    const project = await findProject(asked.script, options);
    return await scriptStart(project, { args: asked.args, interpreter: await namedInterpreter(project, options) });
  } catch (error) {
    throw isRunctlError(error, 'script-not-found') ? await betterHint(error, asked, options) : error;
  }
}

const PROGRAMS =
  /^(python[\d.]*|uv|uvx|poetry|pipenv|conda|torchrun|accelerate|deepspeed|make|bash|sh|env|node|npm|Rscript|julia|go|java|just|hatch|pdm|pixi)$/;

/** A missing script may be a command without its dashes, a module, or a package. */
async function betterHint(
  error: RunctlError,
  { script, args }: { readonly script: string; readonly args: readonly string[] },
  options: FindProjectOptions,
): Promise<RunctlError> {
  if (PROGRAMS.test(script))
    return new RunctlError('script-not-found', error.message, {
      hint: [`${script} is a command: `, command('launch', '--', script, ...args), ' runs it'],
      cause: error,
    });
  const module = script.replace(/\/+$/, '').split(sep).join('.');
  if (!/^[^\s./]+(\.[^\s./]+)*$/.test(module)) return error;
  const found = await modulesNamed(module, options);
  if (found === null) return error;
  return new RunctlError('script-not-found', error.message, {
    hint: [`${relative(options.cwd, found)} is a module: `, command('launch', '-m', module), ' runs it'],
    cause: error,
  });
}
