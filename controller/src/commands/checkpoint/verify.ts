import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { argument, optionalArgument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { verifyOptions } from '../../options/declared/checkpoint-options.ts';
import { FolderOrRunCommand, type FoundCheckpoints } from '../../options/folder-or-run-command.ts';

export class CheckpointVerifyCommand extends FolderOrRunCommand {
  static override paths = [['checkpoint', 'verify']];
  static override usage = Command.Usage({
    description: 'Checks that checkpoints are whole; exit code 10 when one is not.',
    details:
      'For a run: every object of a checkpoint is read, and its size and SHA-256 held against the manifest. All of it is\n' +
      'downloaded for that, and nothing written; how far it is, how fast and for how long still is shown meanwhile.\n' +
      'For a folder: structure, markers and open writers of every checkpoint in it, as the agent judges them. What a format\n' +
      'does not show (a flipped byte) goes unnoticed there, since nothing says what the bytes should be.',
    examples: [
      ['would a resume of this run work', '$0 checkpoint verify r-abc'],
      ['every checkpoint of a run', '$0 checkpoint verify r-abc --all'],
      ['is anything in a folder torn', '$0 checkpoint verify ./checkpoints'],
    ],
  });

  text = argument('DIR|RUN');
  checkpoint = optionalArgument('CHECKPOINT');
  all = option(verifyOptions.all);

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async show(found: FoundCheckpoints): Promise<number> {
    if (this.all && this.checkpoint !== undefined)
      throw new RunctlError('usage', '--all and a CHECKPOINT exclude each other');
    return 'folder' in found ? this.showFolder(found) : this.showRun(found);
  }

  private async showFolder({ folder, checkpoints }: Extract<FoundCheckpoints, { folder: string }>): Promise<number> {
    const { assertWhole, pickFromFolder } = await import('@runctl/operations/checkpoint');
    const { folderJson, renderFolder } = await import('../../render/checkpoints.ts');
    const picked = this.checkpoint === undefined ? checkpoints : [pickFromFolder(folder, checkpoints, this.checkpoint)];
    if (picked.length === 0) throw new RunctlError('checkpoint-not-found', `no checkpoint in ${this.text}`);
    const look = { nowMs: this.context.clock.wallMs(), colour: this.context.colour };
    if (this.json) for (const each of picked) this.printJson(folderJson(each));
    else this.print(renderFolder(this.text, picked, look));
    assertWhole(picked.filter((each) => each.state !== 'complete').map((each) => each.entry));
    return 0;
  }

  private async showRun({ run, checkpoints, cloud }: Extract<FoundCheckpoints, { run: string }>): Promise<number> {
    const { assertWhole, pickFromRun, verifyOfRun } = await import('@runctl/operations/checkpoint');
    const { verifyView } = await import('../../render/checkpoints.ts');
    const { clock, interrupted: signal } = this.context;
    const chosen = this.all && checkpoints.length > 0 ? checkpoints : [pickFromRun(run, checkpoints, this.checkpoint)];
    const view = verifyView({
      ...this.context,
      json: this.json,
      print: (event, text) => this.printResult(event, text),
    });
    try {
      for await (const event of verifyOfRun({ store: cloud.store, run, clock, signal }, chosen)) view.show(event);
    } finally {
      view.end();
    }
    assertWhole(view.damaged);
    return 0;
  }
}
