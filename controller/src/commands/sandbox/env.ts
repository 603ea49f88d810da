import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { RunctlCommand } from '../../command.ts';
import { foreignVariables } from '../../operations/sandbox/sandbox-environment.ts';

export class SandboxEnvCommand extends RunctlCommand {
  static override paths = [['sandbox', 'env']];
  static override usage = Command.Usage({
    description: 'Prints the exports with which runctl, the AWS command line and boto3 talk to the local cloud.',
    examples: [['for this shell', 'eval "$($0 sandbox env)"; aws s3 ls']],
  });

  protected async run(): Promise<number> {
    const folder = await this.sandboxFolder();
    const region = await this.context.services.sandbox.find(folder);
    if (region === null)
      throw new RunctlError('sandbox-not-running', `no local cloud runs in ${folder}`, {
        hint: 'start it with `runctl sandbox start`',
      });
    if (this.json) this.printJson(region.environment);
    else
      this.print(
        [
          `unset ${foreignVariables.join(' ')}`,
          ...Object.entries(region.environment).map(([name, value]) => `export ${name}=${quoted(value)}`),
        ].join('\n'),
      );
    return 0;
  }
}

function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}
