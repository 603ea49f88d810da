import { Command } from 'clipanion';
import { argument, optionalArgument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { waitingOptions } from '../../options/declared/waiting-options.ts';
import { TransferCommand } from '../../options/transfer-command.ts';

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

  first = argument('S3_PATH or FOLDER');
  second = optionalArgument('S3_PATH');
  interval = option(waitingOptions.interval);
  direction = option({ ...fileOptions.direction, help: 'with a folder: up, down, or both' });

  protected run(): Promise<number> {
    return this.second === undefined ? this.watchBucket() : this.keep(this.second);
  }

  private watchBucket(): Promise<number> {
    return this.withPlace(this.first, async ({ store, prefix }) => {
      const { watchObjects } = await import('@runctl/operations/bucket');
      const { changeLine } = await import('../../render/objects.ts');
      const { clock, interrupted: signal } = this.context;
      this.note(`watching ${store.location}/${prefix}; Ctrl-C ends it`);
      for await (const change of watchObjects({ store, prefix, clock, intervalMs: this.interval, signal })) {
        const line = changeLine(change, clock.wallMs());
        if (change.type === 'unreachable' && !this.json) this.note(line);
        else this.printResult(change, line);
      }
      return 0;
    });
  }

  private async keep(remote: string): Promise<number> {
    const { direction, dryRun, first, interval: intervalMs } = this;
    const pair = await this.pairOf(first, remote);
    return this.withBucket(pair.there, async ({ cloud: { store } }) => {
      const { keepInStep } = await import('@runctl/operations/transfer');
      const { createStepView } = await import('../../render/step-view.ts');
      const { clock, interrupted: signal } = this.context;
      const note = (text: string): void => this.note(text);
      const view = createStepView(await this.transferView(), { from: first, to: remote, dryRun, note });
      this.note(`keeping ${first} and ${remote} in step (${direction}); Ctrl-C ends it`);
      const where = { store, ...pair, signal, dryRun, ...this.concurrency() };
      for await (const event of keepInStep({ ...where, clock, direction, intervalMs })) view(event);
      return 0;
    });
  }
}
