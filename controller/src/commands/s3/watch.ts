import type { ObjectEvent } from '@runctl/protocol/events';
import { Command, Option } from 'clipanion';
import { formatBytes } from '@runctl/core';
import { TransferCommand } from '../../options/transfer-command.ts';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { durationIn } from '../../options/values/numbers.ts';
import { shownName } from '../../render/style.ts';

export class S3WatchCommand extends TransferCommand {
  static override paths = [['s3', 'watch']];
  static override usage = Command.Usage({
    description: 'Shows what changes in a bucket; with a folder, keeps the folder in step with it.',
    details:
      'With one argument new, changed and deleted objects are printed as they are seen. With a FOLDER in front, files are\n' +
      'sent as they change (--direction down: fetched, both: either way); nothing is ever deleted. A file counts once it has\n' +
      'been left alone for two seconds. Ctrl-C ends it.',
    examples: [
      ['what appears', '$0 s3 watch s3://my-bucket/checkpoints/ --interval 10'],
      ['send results as they are written', '$0 s3 watch ./results s3://my-bucket/results/'],
    ],
  });

  first = Option.String({ name: 'S3_PATH or FOLDER' });
  second = Option.String({ name: 'S3_PATH', required: false });
  interval = option({
    flag: '--interval',
    schema: durationIn({ least: '1s', most: '1d', example: '30s' }),
    help: 'seconds between two looks, or such as 5m',
    group: 'waiting',
    default: '30',
  });
  direction = option({ ...fileOptions.direction, help: 'with a folder: up, down, or both' });

  protected async run(): Promise<number> {
    const intervalMs = this.interval;
    return this.second === undefined ? this.watchBucket(intervalMs) : this.keep(this.second, intervalMs);
  }

  private async watchBucket(intervalMs: number): Promise<number> {
    const { bucketPlace, folderPrefix } = await import('@runctl/operations/transfer');
    const place = bucketPlace(this.first);
    const { cloud } = await this.connectTo(place);
    try {
      const { watchObjects } = await import('@runctl/operations/bucket');
      const { clock, interrupted: signal } = this.context;
      this.note(`watching ${cloud.store.location}/${folderPrefix(place)}; Ctrl-C ends it`);
      const prefix = folderPrefix(place);
      for await (const change of watchObjects({ store: cloud.store, prefix, clock, intervalMs, signal }))
        this.show(change);
      return 0;
    } finally {
      cloud.close();
    }
  }

  private show(change: ObjectEvent): void {
    if (this.json) return this.printJson(change);
    if (change.type === 'unreachable') return this.note(`the bucket can't be reached: ${change.message}; trying again`);
    const when = new Date(this.context.clock.wallMs()).toISOString().slice(11, 19);
    const size = change.type === 'gone' ? '' : `  ${formatBytes(change.sizeBytes)}`;
    this.print(`${when}  ${change.type.padEnd(7)}  ${shownName(change.key)}${size}`);
  }

  private async keep(remote: string, intervalMs: number): Promise<number> {
    const { direction, dryRun } = this;
    const { bucketPlace, folderPlace } = await import('@runctl/operations/transfer');
    const there = bucketPlace(remote);
    const here = folderPlace(this.first, this.context.cwd);
    const filter = await this.filter();
    const concurrency = this.concurrency();
    const { cloud } = await this.connectTo(there);
    try {
      const { keepInStep } = await import('@runctl/operations/transfer');
      const { clock, interrupted: signal } = this.context;
      const view = await this.transferView();
      this.note(`keeping ${this.first} and ${remote} in step (${direction}); Ctrl-C ends it`);
      const where = { store: cloud.store, here, there, filter, signal, dryRun };
      const said = new Set<string>();
      for await (const event of keepInStep({ ...where, ...concurrency, clock, direction, intervalMs })) {
        if (event.type === 'unreachable') this.note(`the bucket can't be reached: ${event.message}; trying again`);
        else if (event.type === 'pass') {
          const { moved, failed, plan } = event.result;
          if (moved.length > 0 || (dryRun && plan.some(({ kind }) => kind !== 'keep')))
            view.ended(event.result, { from: this.first, to: remote, dryRun });
          for (const { path, error } of failed) this.note(`${path}: ${error}; trying again`);
        } else if (event.type !== 'refused' && event.type !== 'skipped') view.show(event);
        else if (!said.has(event.path)) {
          said.add(event.path);
          view.show(event);
        }
      }
      return 0;
    } finally {
      cloud.close();
    }
  }
}
