import type { DrillEvent, DrillReportEvent } from '@runctl/protocol/events';
import type { Environment } from '@runctl/core';
import { Command } from 'clipanion';
import { dirname, join } from 'node:path';
import type { Cloud } from '@runctl/operations';
import type { SandboxRegion } from '@runctl/operations/sandbox';
import type { Settings } from '../settings/schema.ts';
import { option } from '../options/declaration/option.ts';
import { rehearsalOptions } from '../options/declared/rehearsal-options.ts';
import { yesOrNo } from '../options/values/choices.ts';
import { numberIn } from '../options/values/numbers.ts';
import { WorkloadOptionsCommand, wishOf, environmentOption } from '../options/launch-options.ts';

export class DrillCommand extends WorkloadOptionsCommand {
  static override paths = [['drill']];
  static override usage = Command.Usage({
    category: 'rehearsal',
    description:
      'Rehearses interruptions of a script on a local cloud made for it, and says what they would have cost.',
    details:
      'The script is launched as `runctl launch` does it, its machine is reclaimed at random moments, and the run recovers.\n' +
      'Exit code 0 when it is safe, 23 when it is not; each reason says what to change in the script.',
    examples: [
      ['one interruption, compared with an undisturbed run', '$0 drill train.py --compare'],
      [
        'three, some without notice, repeatable',
        '$0 drill train.py --interruptions 3 --no-notice 0.5 --seed 7 -- --epochs 2',
      ],
    ],
  });

  interruptions = option({
    flag: '--interruptions',
    schema: numberIn({ least: 0, most: 100, example: 2 }),
    help: 'how many',
    group: 'rehearsal',
    default: 1,
  });
  noNotice = option({
    flag: '--no-notice',
    schema: numberIn({ least: 0, most: 1, fraction: true, example: 0.5, valueName: 'SHARE' }),
    help: 'share of them that come without a notice, 0 to 1',
    group: 'rehearsal',
    default: 0,
  });
  seed = option({
    flag: '--seed',
    schema: numberIn({ least: 0, most: 2 ** 32 - 1, example: 7 }),
    help: 'decides the moments',
    group: 'rehearsal',
    default: 1,
  });
  compare = option({
    flag: '--compare',
    schema: yesOrNo,
    help: 'run it undisturbed too and compare the results byte for byte',
    group: 'rehearsal',
    default: false,
  });
  level = option(rehearsalOptions.level);
  timeScale = option({
    ...rehearsalOptions.cloudTimeScale,
    help: "shortens EC2's own times; at 0.1 a notice lasts 12 s",
    default: 0.1,
    defaultText: '0.1',
  });
  keep = option({
    flag: '--keep',
    schema: yesOrNo,
    help: "keep the local cloud's folder afterwards",
    group: 'rehearsal',
    default: false,
  });

  protected async run(): Promise<number> {
    const project = await this.findProject();
    const { context } = this;
    const { ownSandboxName } = await import('@runctl/sandbox/client');
    const folder =
      this.keep || this.state !== undefined
        ? await this.keptFolder()
        : join(await context.temporaryFolder(), ownSandboxName);
    const region = await context.services.sandbox.start(
      { folder, environment: context.env, level: this.level, timeScale: this.timeScale, parentPid: context.pid },
      () => {},
    );
    try {
      const { inSandbox } = await import('@runctl/operations/sandbox');
      const environment = inSandbox(context.env, region);
      const settings = await this.drillSettings(environment, dirname(join(project.root, project.script)));
      const cloud = await context.services.connect(settings, environment, this.log);
      try {
        return await this.rehearse({ cloud, settings, region, project });
      } finally {
        cloud.close();
      }
    } finally {
      await context.services.sandbox.stop(folder);
      if (this.keep || this.state !== undefined) this.note(`the local cloud's folder is kept: ${folder}`);
    }
  }

  private async rehearse(made: {
    cloud: Cloud;
    settings: Settings;
    region: SandboxRegion;
    project: Awaited<ReturnType<WorkloadOptionsCommand['findProject']>>;
  }): Promise<number> {
    const { cloud, settings, region, project } = made;
    const { context } = this;
    const { makePlan } = await import('@runctl/operations/launch');
    const { drill } = await import('@runctl/operations/drill');
    const env = environmentOption(this.env, context.env);
    const wish = wishOf(settings, { script: this.script, args: this.args, env, name: null, detach: true });
    const plan = await makePlan(cloud, { wish, project, detach: true, into: await context.temporaryFolder() });
    const show = await this.storyteller(region);
    const drilling = drill({
      cloud,
      clock: context.clock,
      user: context.user,
      signal: context.interrupted,
      plan,
      tools: await context.services.tools(),
      level: region.level,
      interruptions: this.interruptions,
      noNotice: this.noNotice,
      seed: this.seed,
      timeScale: this.timeScale,
      compare: this.compare,
      interrupt: async (machineId, notice) => {
        await context.services.sandbox.interrupt(region.folder, {
          target: { instanceId: machineId },
          notice,
          rebalance: false,
        });
      },
    });
    let step = await drilling.next();
    for (; step.done !== true; step = await drilling.next()) show(step.value);
    return this.conclude(step.value);
  }

  private async conclude(report: DrillReportEvent): Promise<number> {
    const { drillVerdict } = await import('../render/drill.ts');
    const { styles } = await import('../render/style.ts');
    if (this.json) this.printJson(report);
    else this.print(drillVerdict(report, styles(this.context.colour)));
    return report.verdict === 'safe' ? 0 : 23;
  }

  private async storyteller(region: SandboxRegion): Promise<(event: DrillEvent) => void> {
    if (this.json) return () => {};
    const { drillLine } = await import('../render/drill.ts');
    const { styles } = await import('../render/style.ts');
    const { formatDuration } = await import('@runctl/core');
    const { clock, colour } = this.context;
    const style = styles(colour);
    const startedMs = clock.monotonicMs();
    const say = (text: string): void =>
      this.note(`${style.dim(`[${formatDuration(clock.monotonicMs() - startedMs).padStart(6)}]`)} ${text}`);
    say(
      `local cloud at level ${region.level}; a notice lasts ${formatDuration(120_000 * region.timeScale)} here, two minutes on EC2`,
    );
    return (event) => {
      const line = drillLine(event, style);
      if (line !== null) say(line);
    };
  }

  /** Where the local cloud's folder outlives the rehearsal. */
  private async keptFolder(): Promise<string> {
    const named = await this.sandboxFolder();
    const { clock } = this.context;
    return this.state === undefined
      ? `${named}-drill-${new Date(clock.wallMs()).toISOString().replaceAll(':', '-')}`
      : named;
  }

  private async drillSettings(environment: Environment, near: string): Promise<Settings> {
    const { loadSettings, settingsWithoutAccount } = await import('../settings/load.ts');
    const { cwd, home } = this.context;
    return loadSettings({
      // What names an account has no meaning on a cloud of its own.
      flags: settingsWithoutAccount(this.settingFlags()),
      environment,
      file: this.config,
      near,
      cwd,
      home,
    });
  }
}
