import { Command } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import { RunctlCommand } from '../../options/command.ts';
import { withoutAccount } from '@runctl/operations/sandbox';

export class SandboxEnvCommand extends RunctlCommand {
  static override paths = [['sandbox', 'env']];
  static override usage = Command.Usage({
    description: 'Prints the exports with which runctl, the AWS command line and boto3 talk to the local cloud.',
    examples: [['for this shell', 'eval "$($0 sandbox env)"; aws s3 ls']],
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async run(): Promise<number> {
    const folder = await this.sandboxFolder();
    const region = await this.context.services.sandbox.find(folder);
    if (region === null)
      throw new RunctlError('sandbox-not-running', `no local cloud runs in ${folder}`, {
        hint: ['start it with ', command('sandbox start')],
      });
    if (this.json) this.printJson({ type: 'sandbox-environment', ...region.environment });
    else
      this.print(
        [
          ...this.inTheWay(region.environment).map((name) => `unset ${name}`),
          ...Object.entries(region.environment).map(([name, value]) => `export ${name}=${quoted(value)}`),
        ].join('\n'),
      );
    return 0;
  }

  /** Variables of this shell, such as AWS_PROFILE, with which clients would go past the local cloud. */
  private inTheWay(region: Readonly<Record<string, string>>): string[] {
    return Object.entries(withoutAccount(this.context.env))
      .filter(([name, value]) => value === undefined && region[name] === undefined)
      .map(([name]) => name);
  }
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
