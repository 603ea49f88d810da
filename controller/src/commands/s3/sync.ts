import type { TransferResult } from '@runctl/protocol/events';
import { Command } from 'clipanion';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { fileOptions, syncOptions } from '../../options/declared/file-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { resultOf } from '../../options/result-of.ts';
import { TransferCommand } from '../../options/transfer-command.ts';

export class S3SyncCommand extends TransferCommand {
  static override paths = [['s3', 'sync']];
  static override usage = Command.Usage({
    description: 'Makes a folder and a folder in a bucket hold the same.',
    details:
      'Files are compared by size and content, never by time. With --direction both, what is missing on either side is\n' +
      'brought there; files that differ are left as they are and named, unless --prefer says which side is right.\n' +
      '--delete removes at the destination what the source does not have, after everything else went well.',
    examples: [
      ['send what is new', '$0 s3 sync ./checkpoints/ s3://my-bucket/checkpoints/'],
      [
        'make the folder exactly what the bucket has',
        '$0 s3 sync ./data/ s3://my-bucket/data/ --direction down --delete',
      ],
      ['see what would happen', '$0 s3 sync ./data/ data/ --direction both --dry-run'],
    ],
  });

  local = argument('FOLDER');
  remote = argument('S3_PATH');
  direction = option(fileOptions.direction);
  deleteOthers = option(syncOptions.deleteOthers);
  prefer = option(syncOptions.prefer);
  yes = option({ ...outputOptions.yes, help: 'with --delete, do not ask' });

  protected async run(): Promise<number> {
    const { checkSync, syncPasses } = await import('@runctl/operations/transfer');
    const { local, remote, direction, dryRun, deleteOthers, prefer } = this;
    const wish = { direction, deleteOthers, ...(prefer === undefined ? {} : { prefer }) };
    checkSync(wish);
    const pair = await this.pairOf(local, remote);
    return this.withBucket(pair.there, async ({ cloud: { store } }) => {
      const { clock, interrupted: signal } = this.context;
      const pass = syncPasses({ store, ...pair, signal, clock, ...wish, ...this.concurrency() });
      if (deleteOthers && !dryRun && !this.yes) await this.confirm(await resultOf(await pass(true)));
      const [from, to] = direction === 'down' ? [remote, local] : [local, remote];
      return this.follow(await pass(dryRun), { from, to });
    });
  }

  /** Asks once, with what would go. Errors: `declined`. */
  private async confirm({ plan }: TransferResult): Promise<void> {
    const doomed = plan.filter((action) => action.kind.startsWith('delete'));
    const what = `${doomed.length} file${doomed.length === 1 ? '' : 's'} that the source does not have`;
    if (doomed.length > 0) await this.askBefore(`delete ${what}, such as ${doomed[0]?.path}?`);
  }
}
