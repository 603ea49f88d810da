import type { TransferEvent, TransferResult } from '@runctl/protocol/events';
import { Command, Option } from 'clipanion';
import { RunctlError } from '@runctl/core';
import type { Direction, Preference } from '@runctl/store';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { choice, yesOrNo } from '../../options/values/choices.ts';
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

  local = Option.String({ name: 'FOLDER' });
  remote = Option.String({ name: 'S3_PATH' });
  direction = option(fileOptions.direction);
  deleteOthers = option({
    flag: '--delete',
    schema: yesOrNo,
    help: 'delete at the destination what the source lacks',
    group: 'files',
    default: false,
  });
  prefer = option({
    flag: '--prefer',
    schema: choice('local', 'remote', 'newer'),
    help: 'with --direction both, where files differ: local, remote, or newer (by the times of both clocks)',
    group: 'files',
  });
  yes = option({ ...outputOptions.yes, help: 'with --delete, do not ask' });

  protected async run(): Promise<number> {
    const { bucketPlace, folderPlace } = await import('@runctl/operations/transfer');
    const options = { ...this.syncOptions(), ...this.concurrency() };
    const there = bucketPlace(this.remote);
    const here = folderPlace(this.local, this.context.cwd);
    const filter = await this.filter();
    const { cloud } = await this.connectTo(there);
    try {
      const { gatherSync } = await import('@runctl/operations/transfer');
      const { transfer } = await import('@runctl/operations/transfer');
      const { clock, interrupted: signal } = this.context;
      const { dryRun } = this;
      const { direction } = options;
      const known = new Map();
      const begin = async (rehearse: boolean) => {
        const where = { store: cloud.store, here, there, filter, signal, dryRun: rehearse, direction };
        return transfer(await gatherSync(where), { ...options, ...where, clock, known });
      };
      if (this.deleteOthers && !dryRun && !this.yes) await this.confirm(await begin(true));
      const way = direction === 'down' ? [this.remote, this.local] : [this.local, this.remote];
      return await this.follow(await begin(dryRun), { from: String(way[0]), to: String(way[1]) });
    } finally {
      cloud.close();
    }
  }

  private syncOptions(): { direction: Direction; deleteOthers: boolean; prefer?: Preference } {
    const { direction, prefer, deleteOthers } = this;
    if (prefer !== undefined && direction !== 'both')
      throw new RunctlError('usage', `--prefer needs --direction both: with ${direction} the source is right`);
    if (deleteOthers && direction === 'both')
      throw new RunctlError('usage', '--delete needs one source: --direction up or down');
    return { direction, deleteOthers, ...(prefer === undefined ? {} : { prefer }) };
  }

  /** Asks once, with what would go. Errors: `declined`. */
  private async confirm(rehearsal: AsyncGenerator<TransferEvent, TransferResult>) {
    let step = await rehearsal.next();
    while (step.done !== true) step = await rehearsal.next();
    const doomed = step.value.plan.filter((action) => action.kind.startsWith('delete'));
    if (doomed.length > 0)
      await this.askBefore(
        `delete ${doomed.length} file${doomed.length === 1 ? '' : 's'} that the source does not have, such as ${doomed[0]?.path}?`,
      );
  }
}
