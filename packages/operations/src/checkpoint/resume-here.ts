import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { command, RunctlError } from '@runctl/core';
import { scriptInterpreter } from '@runctl/workspace';

export interface LocalResume {
  /** A file or folder of this computer. */
  readonly checkpoint: string;
  readonly script: string;
  readonly args: readonly string[];
  /** How the script takes the path, such as `--resume {path}`; null = only by RUNCTL_RESUME_FROM. */
  readonly argument: string | null;
  readonly cwd: string;
}

export interface LocalCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The command that goes on from a checkpoint on this computer. Errors: `checkpoint-not-found`, `script-not-found`, `usage`. */
export async function localResume(options: LocalResume): Promise<LocalCommand> {
  const checkpoint = resolve(options.cwd, options.checkpoint);
  const script = resolve(options.cwd, options.script);
  if ((await stat(checkpoint).catch(() => null)) === null)
    throw new RunctlError('checkpoint-not-found', `there is no checkpoint ${options.checkpoint}`, {
      hint: [command('checkpoint pull', 'RUN'), ' brings one of a run here'],
    });
  if ((await stat(script).catch(() => null))?.isFile() !== true)
    throw new RunctlError('script-not-found', `there is no script ${options.script}`);
  if (options.argument?.includes('{path}') === false)
    throw new RunctlError('usage', `--resume-argument ${options.argument} has no {path} in it`, {
      hint: 'write it as the script takes it, such as "--resume {path}"; "" = only by RUNCTL_RESUME_FROM',
    });
  const words = (options.argument ?? '').split(' ').filter((word) => word !== '');
  const resumeArgs = words.map((word) => word.replaceAll('{path}', checkpoint));
  const args = [...options.args, ...resumeArgs];
  const environment = { RUNCTL_RESUME_FROM: checkpoint };
  const [program, ...before] = (await scriptInterpreter(script)).command;
  return program === undefined
    ? { command: script, args, environment }
    : { command: program, args: [...before, script, ...args], environment };
}
