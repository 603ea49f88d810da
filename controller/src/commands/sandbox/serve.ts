import { Command } from 'clipanion';
import { SandboxCommand } from '../../options/sandbox-options.ts';

export class SandboxServeCommand extends SandboxCommand {
  static override paths = [['sandbox', 'serve']];
  static hidden = true;
  static override usage = Command.Usage({
    description: 'Serves the local cloud in this process until it is asked to stop.',
  });

  protected async run(): Promise<number> {
    const { endWithParent } = await import('../../adapters/parent-watch.ts');
    const options = await this.startOptions();
    if (options.parentPid !== undefined) endWithParent(options.parentPid);
    await this.context.services.sandbox.serve(options, (line) => this.note(line));
    return 0;
  }
}
