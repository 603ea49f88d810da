import { Command } from 'clipanion';
import { SandboxCommand } from '../../options/sandbox-options.ts';

export class SandboxStartCommand extends SandboxCommand {
  static override paths = [['sandbox', 'start']];
  static override usage = Command.Usage({
    description:
      'Starts the local cloud; it runs on until `runctl sandbox stop`, or until the process that --parent names is gone.',
    examples: [
      ['with notices that last 12 seconds', '$0 sandbox start --time-scale 0.1'],
      ['for a script of yours, with which it ends', '$0 sandbox start --parent $$'],
    ],
  });

  protected async run(): Promise<number> {
    const { renderRegion } = await import('../../render/sandbox.ts');
    const region = await this.context.services.sandbox.start(await this.startOptions(), () => {});
    if (this.json) this.printJson({ type: 'sandbox', ...region });
    else this.print(renderRegion(region, { colour: this.context.colour, write: this.writeCommand }));
    return 0;
  }
}
