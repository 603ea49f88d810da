import { Option } from 'clipanion';
import { RunctlError, type Environment } from '@runctl/core';
import type { Connected } from './command.ts';
import { FollowingCommand } from './following-command.ts';
import { dirname, join } from 'node:path';
import type { LaunchPlan, LaunchWish, MachineWish } from '@runctl/operations/launch';
import type { Project } from '@runctl/workspace';
import { carriedAt } from '../settings/carried.ts';
import { providerSettings } from '../settings/provider-settings.ts';
import type { Settings } from '../settings/schema.ts';
import { argument } from './declaration/argument.ts';
import { option } from './declaration/option.ts';
import { workloadOptions } from './declared/workload-options.ts';

/** Options that say what to run and under which policy: `launch` and `drill` share them. */
export abstract class WorkloadOptionsCommand extends FollowingCommand {
  script = argument('script');
  args = Option.Rest({ name: 'argument' });
  projectFolder = option(workloadOptions.project);
  env = option(workloadOptions.env);
  includePatterns = option(workloadOptions.includePattern);

  /** Before anything is connected to: a wrong path or variable needs no account. */
  protected async findWorkload(): Promise<FoundWorkload> {
    const { findProject } = await import('@runctl/workspace');
    const { cwd, home, env: environment } = this.context;
    const env = environmentOption(this.env, environment);
    const project = await findProject(this.script, { cwd, home, root: this.projectFolder });
    return { project, env, near: dirname(join(project.root, project.script)) };
  }

  protected async makePlan(
    { settings, cloud }: Connected,
    { project, env }: FoundWorkload,
    how: { readonly name: string | null; readonly detach: boolean },
  ): Promise<LaunchPlan> {
    const { makePlan } = await import('@runctl/operations/launch');
    const { script, args } = this;
    const wish = wishOf(settings, { script, args, env, ...how });
    const { includePatterns: include } = this;
    return makePlan(cloud, { wish, project, include, detach: how.detach, into: await this.context.temporaryFolder() });
  }

  /** What would happen and what it costs: data for a program, and for people beside what the script will print. */
  protected async showPlan(plan: LaunchPlan): Promise<void> {
    const { renderPlan, planJson } = await import('../render/plan.ts');
    const { colour, stderr } = this.context;
    if (this.json) this.printJson(planJson(plan));
    else stderr.write(renderPlan(plan, { colour, write: this.writeCommand }));
  }
}

export interface FoundWorkload {
  readonly project: Project;
  readonly env: Readonly<Record<string, string>>;
  /** Folder of the script, from which .runctl.toml is looked for. */
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

/** The wish that settings and command line add up to. Errors: `config-missing`. */
function wishOf(
  settings: Settings,
  said: {
    readonly script: string;
    readonly args: readonly string[];
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
      keep: carriedAt(settings, 'keep'),
    },
    policy: carriedAt(settings, 'policy'),
    timeScale: settings.time_scale,
  };
}
