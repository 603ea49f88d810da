import { Command } from 'clipanion';
import { RunctlCommand } from '../../options/command.ts';

export class SandboxStatusCommand extends RunctlCommand {
  static override paths = [['sandbox', 'status']];
  static override usage = Command.Usage({
    description: 'Shows the local cloud and its instances. Exit code 14 when none runs.',
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async run(): Promise<number> {
    const { renderSandboxStatus } = await import('../../render/sandbox.ts');
    const status = await this.context.services.sandbox.status(await this.sandboxFolder());
    if (this.json) this.printJson({ type: 'sandbox-status', ...status });
    else this.print(renderSandboxStatus(status, this.context.colour));
    return 0;
  }
}
