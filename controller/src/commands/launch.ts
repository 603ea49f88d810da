import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { dirname, join } from 'node:path';
import type { Cloud } from '@runctl/operations';
import type { LaunchPlan } from '@runctl/operations/launch';
import { option } from '../options/declaration/option.ts';
import { checkpointOptions } from '../options/declared/checkpoint-options.ts';
import { limitOptions } from '../options/declared/limit-options.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { workloadOptions } from '../options/declared/workload-options.ts';
import { WorkloadOptionsCommand, wishOf, environmentOption } from '../options/launch-options.ts';

export class LaunchCommand extends WorkloadOptionsCommand {
  static override paths = [['launch']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Trains a script on EC2 Spot and follows it.',
    details:
      'Copies the project that the script belongs to, starts a machine, runs the script, keeps its checkpoints safe, and\n' +
      'resumes it on another machine whenever one is taken away, with this computer switched off too. Ctrl-C only stops\n' +
      'watching. Exit code: 0 done, 20 the script failed, 21 stopped and resumable.',
    examples: [
      [
        'train on the cheapest of three types',
        '$0 launch train.py --instance-type g5.xlarge,g6.xlarge,g4dn.xlarge -- --epochs 10',
      ],
      ['try all of it on this computer, without an account', '$0 launch train.py --sandbox'],
      ['only show what would happen and what it costs', '$0 launch train.py --dry-run'],
    ],
  });

  runName = option(workloadOptions.name);
  instanceTypes = option(machineOptions.instanceTypes);
  onDemand = option(machineOptions.onDemand);
  noFallback = option(waitingOptions.noFallback);
  fallbackAfter = option(waitingOptions.fallbackAfter);
  keepLast = option(checkpointOptions.keepLast);
  keepEvery = option(checkpointOptions.keepEvery);
  keepBest = option(checkpointOptions.keepBest);
  budget = option(limitOptions.budget);
  maxInterruptions = option(limitOptions.maxInterruptions);
  maxRuntime = option(limitOptions.maxRuntime);
  ami = option(machineOptions.ami);
  instanceProfile = option(machineOptions.instanceProfile);
  subnets = option(machineOptions.subnets);
  securityGroups = option(machineOptions.securityGroups);
  rootVolume = option(machineOptions.rootVolume);
  detach = option(waitingOptions.detach);
  dryRun = option({ ...outputOptions.dryRun, help: 'show the plan and stop' });
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const { context } = this;
    const env = environmentOption(this.env, context.env);
    const project = await this.findProject();
    const { settings, cloud } = await this.connect({}, dirname(join(project.root, project.script)));
    const { checkName } = await import('@runctl/operations/launch');
    const { makePlan } = await import('@runctl/operations/launch');
    const { renderPlan, planJson } = await import('../render/plan.ts');
    try {
      const wish = wishOf(settings, {
        script: this.script,
        args: this.args,
        env,
        name: this.runName ?? null,
        detach: this.detach,
      });
      await checkName({ cloud, clock: context.clock, user: context.user }, wish.name);
      const plan = await makePlan(cloud, {
        wish,
        project,
        detach: this.detach,
        into: await context.temporaryFolder(),
      });
      if (this.json) this.printJson(planJson(plan));
      else context.stderr.write(renderPlan(plan, { colour: context.colour, write: this.writeCommand }));
      if (this.dryRun) return 0;
      await this.confirm();
      return await this.launch(cloud, plan);
    } finally {
      cloud.close();
    }
  }

  private async launch(cloud: Cloud, plan: LaunchPlan): Promise<number> {
    const { context } = this;
    const { launchRun } = await import('@runctl/operations/launch');
    const view = await this.followView();
    const launching = launchRun(
      { cloud, clock: context.clock, user: context.user },
      plan,
      await context.services.tools(),
    );
    let step = await launching.next();
    for (; step.done !== true; step = await launching.next()) view.show(step.value);
    const { spec, abandon } = step.value;
    const { run } = spec;
    if (this.detach) return view.detached(run, 'asked');
    try {
      const { onDemandAfterMs } = plan.wish;
      return await this.follow(view, { cloud, run, launch: 1, onDemandAfterMs, failWhenHopeless: true });
    } catch (error) {
      throw await this.abandoned(error, abandon);
    }
  }

  /** A launch that the provider can't carry out leaves nothing; any other trouble of watching leaves the run alone. */
  private async abandoned(error: unknown, abandon: () => Promise<void>): Promise<unknown> {
    const { isHopeless } = await import('@runctl/operations/follow');
    if (!isHopeless(error)) return error;
    await abandon();
    return new RunctlError(error.code, `${error.message}; nothing of the launch is left`, {
      hint: error.hintParts,
      cause: error,
    });
  }

  private async confirm(): Promise<void> {
    if (this.yes) return;
    if (!this.context.interactive)
      throw new RunctlError('declined', 'nobody can be asked here, so nothing was launched', {
        hint: 'add --yes to launch without a question, or --dry-run to only see the plan',
      });
    if (!(await this.context.services.ask('Launch?', this.context.interrupted)))
      throw new RunctlError('declined', 'nothing was launched');
  }
}
