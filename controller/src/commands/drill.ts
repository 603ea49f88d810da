import { Command } from 'clipanion';
import { join } from 'node:path';
import type { SandboxRegion } from '@runctl/operations/sandbox';
import type { Connected } from '../options/command.ts';
import { option, optionSet } from '../options/declaration/option.ts';
import { savingOptions } from '../options/declared/checkpoint-options.ts';
import { limitOptions } from '../options/declared/limit-options.ts';
import { drillOptions, rehearsalOptions } from '../options/declared/rehearsal-options.ts';
import { WorkloadOptionsCommand, type FoundWorkload } from '../options/launch-options.ts';
import { resultOf } from '../options/result-of.ts';

export class DrillCommand extends WorkloadOptionsCommand {
  static override paths = [['drill']];
  static override usage = Command.Usage({
    category: 'rehearsal',
    description:
      'Rehearses interruptions of a script on a local cloud made for it, and says what they would have cost.',
    details:
      'The script is launched as `runctl launch` does it, its machine is reclaimed at random moments, and the run recovers.\n' +
      'Exit code 0 when it is safe, 23 when it is not, 24 when too little was seen; the advice says what to change.',
    examples: [
      ['one interruption, compared with an undisturbed run', '$0 drill train.py --compare'],
      [
        'three, some without notice, repeatable',
        '$0 drill train.py --interruptions 3 --no-notice 0.5 --seed 7 -- --epochs 2',
      ],
    ],
  });

  how = optionSet(drillOptions);
  level = option(rehearsalOptions.level);
  timeScale = option(rehearsalOptions.drillTimeScale);
  saving = optionSet(savingOptions);
  maxCrashes = option(limitOptions.maxCrashes);
  keep = option(rehearsalOptions.keep);

  protected async run(): Promise<number> {
    const workload = await this.findWorkload();
    const { near } = workload;
    return this.inOwnSandbox(async (region) => {
      const { inSandbox } = await import('@runctl/operations/sandbox');
      const environment = inSandbox(this.context.env, region);
      return this.withCloud((connected) => this.rehearse(connected, workload, region), { environment, near });
    });
  }

  private async inOwnSandbox(use: (region: SandboxRegion) => Promise<number>): Promise<number> {
    const { sandbox } = this.context.services;
    const { env: environment, pid: parentPid } = this.context;
    const isKept = this.keep || this.state !== undefined;
    const folder = await this.ownFolder(isKept);
    const { level, timeScale } = this;
    const region = await sandbox.start({ folder, environment, level, timeScale, parentPid }, () => {});
    try {
      return await use(region);
    } finally {
      await sandbox.stop(folder);
      if (isKept) this.note(`the local cloud's folder is kept: ${folder}`);
    }
  }

  private async ownFolder(isKept: boolean): Promise<string> {
    const { ownSandboxName } = await import('@runctl/sandbox/client');
    if (!isKept) return join(await this.context.temporaryFolder(), ownSandboxName);
    const named = await this.sandboxFolder();
    if (this.state !== undefined) return named;
    return `${named}-drill-${new Date(this.context.clock.wallMs()).toISOString().replaceAll(':', '-')}`;
  }

  private async rehearse(connected: Connected, workload: FoundWorkload, region: SandboxRegion): Promise<number> {
    const { drill } = await import('@runctl/operations/drill');
    const { instanceHomes } = await import('@runctl/sandbox/client');
    const { drillTeller, drillVerdict } = await import('../render/drill.ts');
    const { styles } = await import('../render/style.ts');
    const { clock, user, interrupted: signal, services, colour } = this.context;
    const style = styles(colour);
    const note = (text: string): void => (this.json ? undefined : this.note(text));
    const plan = await this.makePlan(connected, workload, { name: null, detach: true });
    const tell = drillTeller({ note, clock, style, region });
    const tools = await services.tools();
    const interrupt = async (instanceId: string, notice: boolean): Promise<void> =>
      void (await services.sandbox.interrupt(region.folder, { target: { instanceId }, notice, rebalance: false }));
    const { cloud } = connected;
    const { timeScale, how } = this;
    const drilling = drill({
      cloud,
      clock,
      user,
      signal,
      plan,
      tools,
      level: region.level,
      timeScale,
      ...how,
      interrupt,
      homes: () => instanceHomes(region.folder),
    });
    const report = await resultOf(drilling, tell);
    this.printResult(report, drillVerdict(report, style));
    const { errorCatalog } = await import('@runctl/core');
    return report.verdict === 'safe' ? 0 : errorCatalog[`drill-${report.verdict}`];
  }
}
