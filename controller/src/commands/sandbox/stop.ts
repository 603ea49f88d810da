import { Command } from 'clipanion';
import { RunctlCommand } from '../../options/command.ts';

export class SandboxStopCommand extends RunctlCommand {
  static override paths = [['sandbox', 'stop']];
  static override usage = Command.Usage({
    description: 'Stops the local cloud and everything in it. What is in its bucket stays.',
  });

  protected async run(): Promise<number> {
    const folder = await this.sandboxFolder();
    const stopped = await this.context.services.sandbox.stop(folder);
    if (this.json) this.printJson({ type: 'sandbox-stopped', stopped, folder });
    else this.print(stopped ? 'the local cloud is stopped; its bucket stays' : `no local cloud runs in ${folder}`);
    return 0;
  }
}
