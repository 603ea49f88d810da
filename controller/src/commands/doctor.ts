import type { AccountFinding } from '@runctl/provider';
import { Command } from 'clipanion';
import type { Connected } from '../options/command.ts';
import { RunctlCommand } from '../options/command.ts';
import { optionSet } from '../options/declaration/option.ts';
import { machineOptions } from '../options/declared/machine-options.ts';
import { carriedAt } from '../settings/carried.ts';
import { givenProviderSettings } from '../settings/provider-settings.ts';

export class DoctorCommand extends RunctlCommand {
  static override paths = [['doctor']];
  static override usage = Command.Usage({
    category: 'account',
    description:
      'Looks whether a launch would work: credentials, bucket, role, rights, image, quotas; with the fix for each problem.',
    details:
      'Makes nothing and costs nothing; one small object is written to the bucket and deleted again. Rights are asked for by\n' +
      'dry runs. `unknown` is what could not be told, often because the right to look is missing: it need not be wrong.\n' +
      'Exit code: 0 without a problem, else that of the first one. A launch stops for a problem that keeps it from working, and for\n' +
      'no other: unfinished uploads that nothing aborts cost, and stop none.',
    examples: [
      ['before the first launch', '$0 doctor'],
      ['for the machines that you want', '$0 doctor --instance-type g6.xlarge,g5.xlarge'],
    ],
  });

  given = optionSet(machineOptions);

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withCloud((connected) => this.examine(connected));
  }

  private async examine({ cloud, settings }: Connected): Promise<number> {
    const { examineCloud, examinePrograms } = await import('@runctl/operations/account');
    const { examinedEvent, examinedText } = await import('../render/findings.ts');
    const { randomUUID } = await import('node:crypto');
    const { clock, services } = this.context;
    const market = settings.on_demand ? ('on-demand' as const) : ('spot' as const);
    const wish = {
      ...carriedAt(settings, 'machine'),
      market,
      settings: givenProviderSettings(settings),
    };
    const findings: AccountFinding[] = [];
    const show = async (finding: AccountFinding): Promise<void> => {
      findings.push(finding);
      await this.show(finding);
    };
    for await (const finding of examineCloud({ cloud, clock, wish, nonce: randomUUID() })) await show(finding);
    for (const finding of await examinePrograms((name) => services.findProgram(name))) await show(finding);
    const examined = examinedEvent(findings);
    this.printResult(examined, `\n${examinedText(examined)}`);
    return examined.exitCode;
  }

  private async show(finding: AccountFinding): Promise<void> {
    const { findingEvent, findingText } = await import('../render/findings.ts');
    const { writeCommand: write } = this;
    this.printResult(findingEvent(finding, write), findingText(finding, { colour: this.context.colour, write }));
  }
}
