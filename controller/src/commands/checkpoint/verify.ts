import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import { argument, optionalArgument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { yesOrNo } from '../../options/values/choices.ts';
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
  all = option({
    flag: '--all',
    schema: yesOrNo,
    help: 'every checkpoint of the run, not only the latest',
    group: 'checkpoints',
    default: false,
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected async show(found: FoundCheckpoints): Promise<number> {
    if (this.all && this.checkpoint !== undefined)
      throw new RunctlError('usage', '--all and a CHECKPOINT exclude each other');
    return 'folder' in found ? this.showFolder(found) : this.showRun(found);
  }

  private async showFolder({ folder, checkpoints }: Extract<FoundCheckpoints, { folder: string }>): Promise<number> {
    const { pickFromFolder } = await import('@runctl/operations/checkpoint');
    const { folderJson, renderFolder } = await import('../../render/checkpoints.ts');
    const picked = this.checkpoint === undefined ? checkpoints : [pickFromFolder(folder, checkpoints, this.checkpoint)];
    if (picked.length === 0) throw new RunctlError('checkpoint-not-found', `no checkpoint in ${this.text}`);
    const look = { nowMs: this.context.clock.wallMs(), colour: this.context.colour };
    if (this.json) for (const each of picked) this.printJson(folderJson(each));
    else this.print(renderFolder(this.text, picked, look));
    return allWhole(picked.filter((each) => each.state !== 'complete').map((each) => each.entry));
  }

  private async showRun({ run, checkpoints, cloud }: Extract<FoundCheckpoints, { run: string }>): Promise<number> {
    const { pickFromRun, verifyOfRun } = await import('@runctl/operations/checkpoint');
    const { progressShower } = await import('../../render/transfer.ts');
    const { verifiedText } = await import('../../render/checkpoints.ts');
    const { stderr, interactive, clock, interrupted: signal } = this.context;
    const shower = progressShower({ stderr, interactive, clock });
    const damaged: string[] = [];
    const chosen = this.all && checkpoints.length > 0 ? checkpoints : [pickFromRun(run, checkpoints, this.checkpoint)];
    try {
      for await (const event of verifyOfRun({ store: cloud.store, run, clock, signal }, chosen)) {
        if (event.type === 'progress' && !this.json) shower.show(event);
        if (event.type === 'progress') continue;
        shower.clear();
        this.printResult(event, verifiedText(event));
        if (event.problems.length > 0) damaged.push(event.checkpoint);
      }
    } finally {
      shower.clear();
    }
    return allWhole(damaged);
  }
}

/** The exit code when no checkpoint is damaged. Errors: `checkpoint-damaged`. */
function allWhole(damaged: readonly string[]): number {
  if (damaged.length === 0) return 0;
  throw new RunctlError('checkpoint-damaged', `not whole: ${damaged.join(', ')}`, {
    hint: 'a resume goes back to the newest one that is whole',
  });
}
