import { Option } from 'clipanion';
import { RunctlError, type Environment } from '@runctl/core';
import type { Connected } from './command.ts';
import { FollowingCommand } from './following-command.ts';
import { dirname, join } from 'node:path';
import { normalize } from 'node:path/posix';
import { askedStart } from './workload-words.ts';
import type { LaunchPlan, LaunchWish, MachineWish } from '@runctl/operations/launch';
import type { Start } from '@runctl/workspace';
import { carriedAt } from '../settings/carried.ts';
import { providerSettings } from '../settings/provider-settings.ts';
import type { Settings } from '../settings/schema.ts';
import { option } from './declaration/option.ts';
import { workloadOptions } from './declared/workload-options.ts';

/** Options that say what to run and under which policy: `launch` and `drill` share them. */
export abstract class WorkloadOptionsCommand extends FollowingCommand {
  /** What stands in help for the words of a script, a module or a command. */
  static words = {
    usage: '(script [-- argument …] | -m module [-- argument …] | -- command …)',
    args: ['script'],
  };

  words = Option.Rest();
  module = option(workloadOptions.module);
  interpreter = option(workloadOptions.interpreter);
  projectFolder = option(workloadOptions.project);
  env = option(workloadOptions.env);
  includePatterns = option(workloadOptions.includePattern);

  /** Before anything is connected to: a wrong path or variable needs no account. */
  protected async findWorkload(): Promise<FoundWorkload> {
    const { findStart } = await import('@runctl/workspace');
    const { cwd, home, env: environment } = this.context;
    const env = environmentOption(this.env, environment);
    const behind = this.context.behindDashes ?? null;
    const own = this.words.slice(0, this.words.length - (behind?.length ?? 0));
    const asked = askedStart({ path: this.path.join(' '), module: this.module, own, behind });
    const start = await findStart(asked, { cwd, home, root: this.projectFolder, interpreter: this.interpreter });
    const { root, script } = start.project;
    return { start, env, near: asked.kind === 'script' && script !== null ? dirname(join(root, script)) : cwd };
  }

  protected async makePlan(
    { settings, cloud }: Connected,
    { start, env }: FoundWorkload,
    how: { readonly name: string | null; readonly detach: boolean },
  ): Promise<LaunchPlan> {
    const { makePlan } = await import('@runctl/operations/launch');
    const wish = wishOf(settings, { env, ...how });
    const { includePatterns: include, verbose: tellIgnored } = this;
    const into = await this.context.temporaryFolder();
    const { home, user } = this.context;
    return makePlan(cloud, { wish, start, include, tellIgnored, home, user, detach: how.detach, into });
  }

  /** What would happen and what it costs: data for a program, and for people beside what the script will print. */
  protected async showPlan(plan: LaunchPlan): Promise<void> {
    const { renderPlan, planJson } = await import('../render/plan.ts');
    const { colour, stderr } = this.context;
    const { verbose, writeCommand: write } = this;
    if (this.json) this.printJson(planJson(plan));
    else stderr.write(renderPlan(plan, { colour, verbose, write }));
  }
}

export interface FoundWorkload {
  readonly start: Start;
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the script, or where the person stands, from which .runctl.toml is looked for. */
  readonly near: string;
}

/** `--env` values; a name alone takes the value it has in `environment`. Errors: `usage`. */
function environmentOption(given: readonly string[], environment: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const item of given) {
    const equals = item.indexOf('=');
    const name = equals === -1 ? item : item.slice(0, equals);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw new RunctlError('usage', `--env ${item} names no variable`, { hint: 'write --env NAME=value' });
    if (/^(RUNCTL|AWS)_/.test(name))
      throw new RunctlError(
        'usage',
        `--env ${name} can't be set: runctl sets RUNCTL_* and AWS_* on the instance itself`,
        {
          hint: 'choose another name',
        },
      );
    const value = equals === -1 ? environment[name] : item.slice(equals + 1);
    if (value === undefined)
      throw new RunctlError('usage', `--env ${name} has no value: ${name} is not set here`, {
        hint: `write --env ${name}=value, or export ${name} first`,
      });
    result[name] = value;
  }
  return result;
}

/** Which machines the settings ask for. Errors: `config-missing`. */
export function machineWishOf(settings: Settings): MachineWish {
  return {
    ...carriedAt(settings, 'machine'),
    providerSettings: providerSettings(settings),
  };
}

/** Errors: `usage`. */
function outputDirOf({ checkpoint_dir: checkpoints, output_dir: output }: Settings): { readonly outputDir?: string } {
  if (output === undefined) return {};
  // What lies in the checkpoint folder is kept already; checkpoints inside the output folder are left to the checkpoints.
  if (`${normalize(output)}/`.startsWith(`${normalize(checkpoints).replace(/\/+$/, '')}/`))
    throw new RunctlError('usage', `--output-dir ${output} lies in the checkpoint folder ${checkpoints}`, {
      hint: 'name another folder; what the script saves in the checkpoint folder is kept without it',
    });
  return { outputDir: output };
}

/** The wish that settings and command line add up to. Errors: `config-missing`. */
function wishOf(
  settings: Settings,
  said: {
    readonly env: Readonly<Record<string, string>>;
    readonly name: string | null;
    readonly detach: boolean;
  },
): LaunchWish {
  const spot = !settings.on_demand;
  return {
    ...said,
    ...machineWishOf(settings),
    market: spot ? null : 'on-demand',
    onDemandAfterMs: spot && !settings.no_fallback && !said.detach ? settings.fallback_after : null,
    checkpoint: {
      ...carriedAt(settings, 'checkpoint'),
      ...(settings.step_pattern === undefined ? {} : { stepPattern: settings.step_pattern }),
      ...outputDirOf(settings),
      keep: carriedAt(settings, 'keep'),
    },
    policy: carriedAt(settings, 'policy'),
    timeScale: settings.time_scale,
    checkFirstBoot: !settings.no_first_boot_check,
  };
}
