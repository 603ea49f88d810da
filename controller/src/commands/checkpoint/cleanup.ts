import { Command } from 'clipanion';
import { RunctlError } from '@runctl/core';
import type { CheckpointCleanup } from '@runctl/operations/checkpoint';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { cleaningOptions } from '../../options/declared/checkpoint-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { BucketCommand } from '../../options/transfer-command.ts';

export class CheckpointCleanupCommand extends BucketCommand {
  static override paths = [['checkpoint', 'cleanup']];
  static override usage = Command.Usage({
    description: 'Deletes old checkpoints of a folder, or of a run that has ended.',
    details:
      'In a folder the newest that are whole stay, and whatever may still be being written. Of a run the latest and the one to\n' +
      'fall back to always stay, and nothing goes within an hour of being wanted, since somebody may be reading it; a run\n' +
      'that goes on keeps its own by the rules it was launched with. Asks once before it deletes.',
    examples: [
      ['a local folder', '$0 checkpoint cleanup ./checkpoints --keep-last-n 3'],
      ['see what would go of a run', '$0 checkpoint cleanup r-abc --keep-last-n 2 --dry-run'],
    ],
  });

  text = argument('DIRECTORY or RUN');
  keepLast = option(cleaningOptions.keepLast);
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would be deleted, and why' });
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const { folderCleanup, folderMeant, runCleanup } = await import('@runctl/operations/checkpoint');
    const { clock, user, interrupted: signal, cwd } = this.context;
    const { text, keepLast } = this;
    const folder = await folderMeant(text, cwd);
    if (folder === null)
      return this.withRun(text, async ({ cloud, run }) =>
        this.clean(await runCleanup({ cloud, clock, user }, { run, keepLast, signal })),
      );
    return this.clean(await folderCleanup(folder, { clock, keepLast, signal, platform: process.platform }));
  }

  private async clean({ items, carryOut }: CheckpointCleanup): Promise<number> {
    const { decisionLine } = await import('../../render/cleanup.ts');
    const { dryRun, text, json } = this;
    for (const { keep, ...item } of items)
      this.printResult({ type: keep ? 'keep' : 'delete', ...item }, decisionLine({ keep, ...item }));
    const doomed = items.filter(({ keep }) => !keep).length;
    const what = `${doomed} of ${items.length} checkpoints`;
    if (!dryRun && doomed > 0) {
      if (!this.yes) await this.askBefore(`delete ${what} of ${text}?`);
      await carryOut((name) => this.note(`deleted ${name}`));
    }
    if (items.length === 0 && !json) throw new RunctlError('checkpoint-not-found', `no checkpoints in ${text}`);
    const done = dryRun ? `would delete ${what}; nothing was changed` : `deleted ${what}`;
    const event = { type: 'cleaned-up' as const, deleted: dryRun ? 0 : doomed, doomed, dryRun };
    this.printResult(event, doomed === 0 ? 'nothing to delete' : done);
    return 0;
  }
}
