import { Command } from 'clipanion';
import type { Connected } from '../options/command.ts';
import { option, optionSet } from '../options/declaration/option.ts';
import { savingOptions } from '../options/declared/checkpoint-options.ts';
import { limitOptions } from '../options/declared/limit-options.ts';
import { drillOptions } from '../options/declared/rehearsal-options.ts';
import type { FoundWorkload } from '../options/launch-options.ts';
import { OwnSandboxCommand, type OwnSandbox } from '../options/own-sandbox-command.ts';
import { resultOf } from '../options/result-of.ts';

export class DrillCommand extends OwnSandboxCommand {
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
  saving = optionSet(savingOptions);
  maxCrashes = option(limitOptions.maxCrashes);

  protected async run(): Promise<number> {
    const workload = await this.findWorkload();
    return this.inOwnSandbox(({ environment, ...sandbox }) =>
      this.withCloud((connected) => this.rehearse(connected, workload, sandbox), { environment, near: workload.near }),
    );
  }

  private async rehearse(
    connected: Connected,
    workload: FoundWorkload,
    sandbox: Omit<OwnSandbox, 'environment'>,
  ): Promise<number> {
    const { drill } = await import('@runctl/operations/drill');
    const { drillTeller, drillVerdict } = await import('../render/drill.ts');
    const { errorCatalog } = await import('@runctl/core');
    const { clock, user, interrupted: signal, services, colour } = this.context;
    const plan = await this.makePlan(connected, workload, { name: null, detach: true });
    const tools = await services.tools({ architecture: plan.architecture, isLocal: connected.cloud.isLocal });
    const { region, ...reached } = sandbox;
    const tell = drillTeller({ note: (text) => (this.json ? undefined : this.note(text)), clock, colour, region });
    const { cloud } = connected;
    const { timeScale, how } = this;
    const ports = { cloud, clock, user, signal, tools, ...reached };
    const report = await resultOf(drill({ ...ports, plan, level: region.level, timeScale, ...how }), tell);
    this.printResult(report, drillVerdict(report, colour));
    return report.verdict === 'safe' ? 0 : errorCatalog[`drill-${report.verdict}`];
  }
}
