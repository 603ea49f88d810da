import { Command } from 'clipanion';
import type { LaunchPlan } from '@runctl/operations/launch';
import type { Connected } from '../options/command.ts';
import { option, optionSet } from '../options/declaration/option.ts';
import { launchOptions } from '../options/declared/launch-options.ts';
import { outputOptions } from '../options/declared/output-options.ts';
import { waitingOptions } from '../options/declared/waiting-options.ts';
import { workloadOptions } from '../options/declared/workload-options.ts';
import { LAUNCH_WORDS } from '../options/following-command.ts';
import { WorkloadOptionsCommand, type FoundWorkload } from '../options/launch-options.ts';
import { resultOf } from '../options/result-of.ts';

export class LaunchCommand extends WorkloadOptionsCommand {
  static override paths = [['launch']];
  static override usage = Command.Usage({
    category: 'runs',
    description: 'Trains a script on EC2 Spot and follows it.',
    details:
      'Copies the project that the script belongs to, starts a machine, runs the script, keeps its checkpoints safe, and\n' +
      'resumes it on another machine whenever one is taken away, with this computer switched off too. Ctrl-C only stops\n' +
      'watching; --detach returns once the first agent has spoken. A launch whose machines boot and never speak is ended after\n' +
      'three of them or 20 minutes. Exit code: 0 done, 20 the script failed, 21 stopped and resumable.',
    examples: [
      [
        'train on the cheapest of three types',
        '$0 launch train.py --instance-type g5.xlarge,g6.xlarge,g4dn.xlarge -- --epochs 10',
      ],
      ['a module of a package', '$0 launch -m trainer.main -- --epochs 10'],
      ['what a shell would run here', '$0 launch -- torchrun --nproc-per-node 4 train.py'],
      ['try all of it on this computer, without an account', '$0 launch train.py --sandbox'],
      ['only show what would happen and what it costs', '$0 launch train.py --dry-run'],
    ],
  });

  runName = option(workloadOptions.name);
  given = optionSet(launchOptions);
  detach = option(waitingOptions.detach);
  dryRun = option({ ...outputOptions.dryRun, help: 'show the plan and stop' });
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const workload = await this.findWorkload();
    return this.withCloud((connected) => this.planAndLaunch(connected, workload), { near: workload.near });
  }

  private async planAndLaunch(connected: Connected, workload: FoundWorkload): Promise<number> {
    const { runName: name = null, detach } = this;
    const plan = await this.whileAsking(this.makePlan(connected, workload, { name, detach }));
    await this.showPlan(plan);
    if (this.dryRun) return 0;
    const hint = 'add --yes to launch without a question, or --dry-run to only see the plan';
    if (!this.yes) await this.askFirst('Launch?', { ...LAUNCH_WORDS, hint });
    return this.launch(connected, plan);
  }

  private async launch({ cloud }: Connected, plan: LaunchPlan): Promise<number> {
    const { launchRun } = await import('@runctl/operations/launch');
    const { clock, user, services } = this.context;
    const view = await this.followView();
    const tools = await services.tools({ architecture: plan.architecture, isLocal: cloud.isLocal });
    const launching = launchRun({ cloud, clock, user }, plan, tools);
    const { spec, specSha256, askAnew, giveUp } = await resultOf(launching, (event) => view.show(event));
    await this.keepSpec(spec.run, specSha256);
    const { detach } = this;
    const { checkFirstBoot, onDemandAfterMs } = plan.wish;
    const { run } = spec;
    return this.followLaunch(view, {
      cloud,
      run,
      launch: 1,
      onDemandAfterMs,
      detach,
      checkFirstBoot,
      askAnew,
      giveUp,
    });
  }
}
