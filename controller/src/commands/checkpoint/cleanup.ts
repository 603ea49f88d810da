import { Command, Option } from 'clipanion';
import { RunctlError, formatBytes } from '@runctl/core';
import type { Cloud } from '@runctl/operations';
import { option } from '../../options/declaration/option.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { numberIn } from '../../options/values/numbers.ts';
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

  text = Option.String({ name: 'DIRECTORY or RUN' });
  keepLast = option({
    flag: '--keep-last-n',
    schema: numberIn({ least: 1, example: 5 }),
    help: 'how many stay',
    group: 'checkpoints',
    default: 10,
  });
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would be deleted, and why' });
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const { keepLast } = this;
    const { folderMeant } = await import('@runctl/operations/checkpoint');
    const folder = await folderMeant(this.text, this.context.cwd);
    if (folder !== null) return this.cleanFolder(folder, keepLast);
    const { cloud } = await this.connect();
    try {
      return await this.cleanRun(cloud, keepLast);
    } finally {
      cloud.close();
    }
  }

  private async cleanFolder(folder: string, keepLast: number): Promise<number> {
    const { openWritersFor } = await import('@runctl/checkpoint');
    const { lookIntoFolder } = await import('@runctl/operations/checkpoint');
    const { deleteFromFolder, judgeFolder } = await import('@runctl/operations/checkpoint');
    const { clock, interrupted: signal } = this.context;
    const openWriters = openWritersFor(process.platform);
    const { checkpoints } = await lookIntoFolder(folder, { clock, openWriters, signal });
    const decisions = judgeFolder(checkpoints, keepLast);
    for (const { checkpoint, keep, why } of decisions)
      this.show({ name: checkpoint.entry, keep, why, sizeBytes: checkpoint.sizeBytes });
    const doomed = decisions.filter(({ keep }) => !keep).length;
    return this.finish({ doomed, of: decisions.length }, () =>
      deleteFromFolder(folder, decisions, ({ checkpoint }) => this.note(`deleted ${checkpoint.entry}`)),
    );
  }

  private async cleanRun(cloud: Cloud, keepLast: number): Promise<number> {
    const { resolveRun } = await import('@runctl/operations/run');
    const { judgeRun, pruneRun } = await import('@runctl/operations/checkpoint');
    const { clock, user, interrupted: signal } = this.context;
    const run = await resolveRun(cloud.store, this.text);
    const policy = { last: Math.max(1, keepLast - 1), everySteps: null, best: null };
    const ports = { cloud, clock, user };
    const decisions = await judgeRun(ports, { run, policy, signal });
    for (const { manifestKey, step, keep, why } of decisions) {
      const name = manifestKey.replace(/^.*\/(\d+-\d+)\.json$/, '$1');
      this.show({ name: `${name} (step ${step ?? 'unknown'})`, keep, why, sizeBytes: null });
    }
    const doomed = decisions.filter(({ keep }) => !keep).length;
    return this.finish({ doomed, of: decisions.length }, async () => {
      for (const key of await pruneRun(ports, { run, policy, signal })) this.note(`deleted ${key}`);
    });
  }

  private show(each: { name: string; keep: boolean; why: string; sizeBytes: number | null }): void {
    const { name, keep, why, sizeBytes } = each;
    if (this.json) return this.printJson({ type: keep ? 'keep' : 'delete', name, sizeBytes, why });
    const size = sizeBytes === null ? '' : `  ${formatBytes(sizeBytes)}`;
    this.print(`${keep ? 'keep  ' : 'delete'} ${name}${size}: ${why}`);
  }

  private async finish(count: { doomed: number; of: number }, deleteThem: () => Promise<void>): Promise<number> {
    const what = `${count.doomed} of ${count.of} checkpoints`;
    if (!this.dryRun && count.doomed > 0) {
      if (!this.yes) await this.askBefore(`delete ${what} of ${this.text}?`);
      await deleteThem();
    }
    const { dryRun } = this;
    if (this.json)
      this.printJson({ type: 'cleaned-up', deleted: dryRun ? 0 : count.doomed, doomed: count.doomed, dryRun });
    else if (count.of === 0) throw new RunctlError('checkpoint-not-found', `no checkpoints in ${this.text}`);
    else if (count.doomed === 0) this.print('nothing to delete');
    else this.print(dryRun ? `would delete ${what}; nothing was changed` : `deleted ${what}`);
    return 0;
  }
}
