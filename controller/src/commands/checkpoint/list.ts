import { Command } from 'clipanion';
import { FolderOrRunCommand, type FoundCheckpoints } from '../../options/folder-or-run-command.ts';
import { argument } from '../../options/declaration/argument.ts';

export class CheckpointListCommand extends FolderOrRunCommand {
  static override paths = [['checkpoint', 'list']];
  static override usage = Command.Usage({
    description: 'Lists the checkpoints in a folder, or those of a run in the bucket.',
    details:
      'For a folder: exactly what the agent on an instance would say of it, with why. `complete` would be made durable now,\n' +
      '`not yet` may still be being written, `torn` never will count as it is. Nothing is changed. Below it: what is no part\n' +
      'of any checkpoint, though its name counts (links that lead out, sockets, what may not be read).\n' +
      'For a run: what the bucket has, newest first; `latest` is what a resume takes. What no pointer ever named was never\n' +
      'committed and counts for nothing; where what tells that is damaged or lost, it is unknown.',
    examples: [
      ['what the agent sees in a folder', '$0 checkpoint list ./checkpoints'],
      ['what a run has in the bucket', '$0 checkpoint list r-abc'],
    ],
  });

  text = argument('DIR|RUN');

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async show(found: FoundCheckpoints): Promise<number> {
    const render = await import('../../render/checkpoints.ts');
    const { folderJson, passedOverJson, renderFolder, renderPassedOver, renderRun, runJson } = render;
    const look = { nowMs: this.context.clock.wallMs(), colour: this.context.colour };
    if ('folder' in found) {
      const { checkpoints, passedOver } = found;
      if (!this.json) this.print(renderFolder(this.text, checkpoints, look) + renderPassedOver(passedOver));
      else
        for (const each of [...checkpoints.map((one) => folderJson(one)), ...passedOver.map(passedOverJson)])
          this.printJson(each);
      return 0;
    }
    if (this.json) for (const each of found.checkpoints) this.printJson(runJson(found.run, each));
    else this.print(renderRun(found.run, found.checkpoints, look));
    return 0;
  }
}
