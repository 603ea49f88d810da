import { Command, Option } from 'clipanion';
import { SandboxCommand } from './start-options.ts';

export class SandboxServeCommand extends SandboxCommand {
  static override paths = [['sandbox', 'serve']];
  static override usage = Command.Usage({
    description: 'Serves the local cloud in this process until it is asked to stop.',
  });

  parent = Option.String('--parent', { description: 'end when this process is gone' });

  protected async run(): Promise<number> {
    const { endWithParent } = await import('../../adapters/parent-watch.ts');
    const options = await this.startOptions();
    if (this.parent !== undefined) endWithParent(Number(this.parent));
    await this.context.services.sandbox.serve(options, (line) => this.note(line));
    return 0;
  }
}
