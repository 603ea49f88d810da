import { Command, Option } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { dirname, join } from 'node:path';
import type { Cloud } from '@runctl/operations';
import type { LaunchPlan } from '@runctl/operations/launch';
import type { SettingsInput } from '../settings/schema.ts';
import { WorkloadOptionsCommand, wishOf, environmentOption } from '../options/launch-options.ts';

export class LaunchCommand extends WorkloadOptionsCommand {
  static override paths = [['launch']];
  static override usage = Command.Usage({
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

  runName = Option.String('--name', { description: 'a name for the run, unique in the bucket' });
  instanceTypes = Option.Array('--instance-type', { description: 'type to use; repeatable, or with commas' });
  onDemand = Option.Boolean('--on-demand', { description: 'do not use spot at all' });
  noFallback = Option.Boolean('--no-fallback', { description: 'stay on spot even if there is no capacity' });
  fallbackAfter = Option.String('--fallback-after', {
    description: 'wait this long for spot before on-demand (default: 5m)',
  });
  keepLast = Option.String('--keep-last', {
    description: 'checkpoints kept in the bucket besides the newest (default: 3)',
  });
  keepEvery = Option.String('--keep-every', { description: 'keep the first of each so many steps as well' });
  keepBest = Option.String('--keep-best', {
    description: 'keep the best as well, by a number in the progress file: loss:min, accuracy:max',
  });
  budget = Option.String('--budget', { description: 'stop, with a checkpoint, when this many dollars are spent' });
  maxInterruptions = Option.String('--max-interruptions', { description: 'give up after this many (default: never)' });
  maxRuntime = Option.String('--max-runtime', { description: 'the launch ends then, whatever happens (default: 7d)' });
  ami = Option.String('--ami', {
    description: 'image id or SSM parameter (default: the newest Deep Learning or Ubuntu image)',
  });
  instanceProfile = Option.String('--instance-profile', {
    description: 'name or ARN of what gives instances their rights',
  });
  subnets = Option.Array('--subnet', { description: 'subnet to launch in; repeatable, or with commas' });
  securityGroups = Option.Array('--security-group', { description: 'repeatable, or with commas' });
  rootVolume = Option.String('--root-volume-gib', { description: "size of the root disk (default: the image's)" });
  detach = Option.Boolean('-d,--detach', false, { description: 'return once the machine is asked for' });
  dryRun = Option.Boolean('--dry-run', false, { description: 'show the plan and stop' });
  yes = Option.Boolean('-y,--yes', false, { description: 'do not ask' });

  protected async run(): Promise<number> {
    const { context } = this;
    const env = environmentOption(this.env ?? [], context.env);
    const project = await this.findProject();
    const { settings, cloud } = await this.connect(this.flags(), dirname(join(project.root, project.script)));
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

  private flags(): SettingsInput {
    return {
      ...this.workloadFlags(),
      ami: this.ami,
      instance_profile: this.instanceProfile,
      subnets: split(this.subnets),
      security_groups: split(this.securityGroups),
      root_volume_gib: this.rootVolume,
      instance_types: split(this.instanceTypes),
      on_demand: this.onDemand,
      no_fallback: this.noFallback,
      fallback_after: this.fallbackAfter,
      keep_last: this.keepLast,
      keep_every: this.keepEvery,
      keep_best: this.keepBest,
      budget: this.budget,
      max_interruptions: this.maxInterruptions,
      max_runtime: this.maxRuntime,
    };
  }
}

function split(values: readonly string[] | undefined): string[] | undefined {
  return values?.flatMap((value) => value.split(',')).filter((value) => value !== '');
}
