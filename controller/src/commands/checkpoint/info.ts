import { Command } from 'clipanion';
import { FolderOrRunCommand, type FoundCheckpoints } from '../../options/folder-or-run-command.ts';
import { argument, optionalArgument } from '../../options/declaration/argument.ts';

export class CheckpointInfoCommand extends FolderOrRunCommand {
  static override paths = [['checkpoint', 'info']];
  static override usage = Command.Usage({
    description: 'Shows one checkpoint with its files.',
    details:
      'CHECKPOINT is an entry or a step of a folder, a number as 2-7 or a step of a run. Without it: the newest complete one of\n' +
      'a folder, the one that a resume of the run would take.',
    examples: [
      ['the newest one in a folder', '$0 checkpoint info ./checkpoints'],
      ['one step of a run', '$0 checkpoint info r-abc 1200'],
    ],
  });

  text = argument('DIR|RUN');
  checkpoint = optionalArgument('CHECKPOINT');

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async show(found: FoundCheckpoints): Promise<number> {
    const render = await import('../../render/checkpoints.ts');
    const look = { nowMs: this.context.clock.wallMs(), colour: this.context.colour };
    if ('folder' in found) {
      const { pickFromFolder } = await import('@runctl/operations/checkpoint');
      const picked = pickFromFolder(this.text, found.checkpoints, this.checkpoint);
      if (this.json) this.printJson(render.folderJson(picked, true));
      else this.print(render.renderFolderCheckpoint(picked, look));
      return 0;
    }
    const { pickFromRun } = await import('@runctl/operations/checkpoint');
    const picked = pickFromRun(found.run, found.checkpoints, this.checkpoint);
    if (this.json) this.printJson(render.runJson(found.run, picked, true));
    else this.print(render.renderRunCheckpoint(found.run, picked, look));
    return 0;
  }
}
