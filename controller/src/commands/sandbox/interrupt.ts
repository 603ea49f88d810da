import { Command } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { reclaimOptions } from '../../options/declared/rehearsal-options.ts';
import { RunctlCommand } from '../../options/command.ts';

export class SandboxInterruptCommand extends RunctlCommand {
  static override paths = [['sandbox', 'interrupt']];
  static override usage = Command.Usage({
    description: 'Takes the machine of a run back, as EC2 does with spot instances.',
    examples: [
      ['with a notice', '$0 sandbox interrupt r-abc'],
      ['at once, without a word', '$0 sandbox interrupt i-0123 --no-notice'],
    ],
  });

  target = argument('RUN-or-INSTANCE');
  noNotice = option(reclaimOptions.noNotice);
  rebalance = option(reclaimOptions.rebalance);

  protected async run(): Promise<number> {
    const folder = await this.sandboxFolder();
    if ((await this.context.services.sandbox.find(folder)) === null)
      throw new RunctlError('sandbox-not-running', `no local cloud runs in ${folder}`, {
        hint: ['nothing is left to interrupt; ', command('launch', '…', '--sandbox'), ' starts one'],
      });
    const target = this.target.startsWith('i-') ? { instanceId: this.target } : { run: await this.findRun() };
    const { noNotice, rebalance } = this;
    const taken = await this.context.services.sandbox.interrupt(folder, { target, notice: !noNotice, rebalance });
    if (taken.length === 0)
      throw new RunctlError('instance-not-found', `no spot instance of ${this.target} runs`, {
        hint: [command('sandbox status'), ' lists the instances'],
      });
    const what = `${taken.join(', ')} ${noNotice ? 'is gone' : 'got its notice'}`;
    this.printResult({ type: 'interrupted', instanceIds: taken, notice: !noNotice }, what);
    return 0;
  }

  private findRun(): Promise<string> {
    this.useSandbox = true;
    return this.withRun(this.target, ({ run }) => Promise.resolve(run));
  }
}
