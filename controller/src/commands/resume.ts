import { Command } from 'clipanion';
import type { Connected } from '../options/command.ts';
import { argument } from '../options/declaration/argument.ts';
import { option } from '../options/declaration/option.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { launchedOptions } from '../options/declared/launched-options.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { FollowingCommand, LAUNCH_WORDS } from '../options/following-command.ts';
import { machineWishOf } from '../options/launch-options.ts';

export class ResumeCommand extends FollowingCommand {
  static override paths = [['resume']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Launches a stopped or failed run again, from its last durable checkpoint, and follows it.',
    details:
      'The script, its arguments and its project stay those of the run; only where it runs can be changed.\n' +
      'Where this computer knows what the run was launched with, a spec that was changed since is refused.',
    examples: [['on another type of machine', '$0 resume r-abc --instance-type g5.2xlarge']],
  });

  runText = argument('RUN');
  instanceTypes = option({
    ...machineOptions.instanceTypes,
    help: 'type to use instead of those of before; repeatable, or with commas',
    defaultText: 'those of before',
  });
  onDemand = option(machineOptions.onDemand);
  detach = option(waitingOptions.detach);
  acceptChangedSpec = option(launchedOptions.acceptChangedSpec);
  yes = option(outputOptions.yes);

  protected run(): Promise<number> {
    return this.withRun(this.runText, async (connected) => {
      const question = `Launch ${connected.run} again?`;
      if (!this.yes) await this.askFirst(question, { ...LAUNCH_WORDS, hint: 'add --yes' });
      return this.resume(connected);
    });
  }

  private async resume({ cloud, settings, run }: Connected & { readonly run: string }): Promise<number> {
    const { endHopeless, resumeRun } = await import('@runctl/operations/resume');
    const { clock, user, services, interrupted: signal } = this.context;
    const ports = { cloud, clock, user };
    const wish = {
      ...machineWishOf(settings),
      machineTypes: this.instanceTypes ?? [],
      market: this.onDemand === undefined ? null : this.onDemand ? ('on-demand' as const) : ('spot' as const),
    };
    const { rememberedSpec } = await import('../adapters/launched-specs.ts');
    const known = this.acceptChangedSpec ? null : await rememberedSpec(this.context.stateFolder, run);
    const isUnknown = known === null && !this.acceptChangedSpec;
    const doubt = `this computer does not know what ${run} was launched with: its spec is taken as it is`;
    if (isUnknown && !this.json) this.note(doubt);
    const onLeftovers = (launch: number): void => {
      if (!this.json) this.note(`making sure that nothing of launch ${launch} is left`);
    };
    const resuming = { run, tools: await services.tools(), wish, specSha256: known, onLeftovers, signal };
    const { launch, machines, fromStep, specSha256 } = await resumeRun(ports, resuming);
    await this.keepSpec(run, specSha256);
    const view = await this.followView();
    const id = cloud.provider.nameOf(machines.ref);
    view.show({ type: 'requested', run, launch, id, ...(isUnknown ? { warnings: [doubt] } : {}) });
    const from = fromStep === null ? 'from its last checkpoint' : `from step ${fromStep}`;
    if (!this.json) this.note(`launch ${launch} of ${run}, ${from}`);
    const onDemandAfterMs = settings.no_fallback ? null : settings.fallback_after;
    const giveUp = (error: unknown): Promise<unknown> => endHopeless(ports, { run, launch, error });
    return this.followLaunch(view, { cloud, run, launch, onDemandAfterMs, giveUp, detach: this.detach });
  }
}
