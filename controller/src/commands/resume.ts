import { Command, Option } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { FollowingCommand } from '../options/following-command.ts';
import { machineWishOf } from '../options/launch-options.ts';
import type { Cloud } from '@runctl/operations';
import { option } from '../options/declaration/option.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import type { Settings } from '../settings/schema.ts';

export class ResumeCommand extends FollowingCommand {
  static override paths = [['resume']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Launches a stopped or failed run again, from its last durable checkpoint, and follows it.',
    details: 'The script, its arguments and its project stay those of the run; only where it runs can be changed.',
    examples: [['on another type of machine', '$0 resume r-abc --instance-type g5.2xlarge']],
  });

  runText = Option.String({ name: 'RUN' });
  instanceTypes = option({
    ...machineOptions.instanceTypes,
    help: 'type to use instead of those of before; repeatable, or with commas',
    defaultText: 'those of before',
  });
  onDemand = option(machineOptions.onDemand);
  detach = option(waitingOptions.detach);
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const { settings, cloud } = await this.connect();
    try {
      const { resolveRun } = await import('@runctl/operations/run');
      const run = await resolveRun(cloud.store, this.runText);
      await this.confirm(run);
      return await this.resume(cloud, settings, run);
    } finally {
      cloud.close();
    }
  }

  private async resume(cloud: Cloud, settings: Settings, run: string): Promise<number> {
    const { resumeRun } = await import('@runctl/operations/resume');
    const { clock, user } = this.context;
    const resumed = await resumeRun(
      { cloud, clock, user },
      {
        run,
        tools: await this.context.services.tools(),
        wish: {
          ...machineWishOf(settings),
          machineTypes: this.instanceTypes === undefined ? [] : settings.instance_types,
          market: this.onDemand === undefined ? null : this.onDemand ? 'on-demand' : 'spot',
        },
      },
    );
    const { launch, machines, fromStep } = resumed;
    const view = await this.followView();
    view.show({ type: 'requested', run, launch, id: cloud.provider.nameOf(machines.ref) });
    if (!this.json)
      this.note(
        `launch ${launch} of ${run}, ${fromStep === null ? 'from its last checkpoint' : `from step ${fromStep}`}`,
      );
    if (this.detach) return view.detached(run, 'asked');
    const { endHopeless } = await import('@runctl/operations/resume');
    try {
      const onDemandAfterMs = settings.no_fallback ? null : settings.fallback_after;
      return await this.follow(view, { cloud, run, launch, onDemandAfterMs, failWhenHopeless: true });
    } catch (error) {
      throw await endHopeless({ cloud, clock, user }, { run, launch, error });
    }
  }

  private async confirm(run: string): Promise<void> {
    if (this.yes) return;
    if (!this.context.interactive)
      throw new RunctlError('declined', 'nobody can be asked here, so nothing was launched', { hint: 'add --yes' });
    if (!(await this.context.services.ask(`Launch ${run} again?`, this.context.interrupted)))
      throw new RunctlError('declined', 'nothing was launched');
  }
}
