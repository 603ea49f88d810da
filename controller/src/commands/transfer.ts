import { Command } from 'clipanion';
import type { BucketPlace } from '@runctl/operations/transfer';
import { argument } from '../options/declaration/argument.ts';
import { optionSet } from '../options/declaration/option.ts';
import { transferWishes } from '../options/declared/file-options.ts';
import { TransferCommand } from '../options/transfer-command.ts';

export class TransferAnyCommand extends TransferCommand {
  static override paths = [['transfer']];
  static override usage = Command.Usage({
    category: 'data',
    description: 'Moves files between this computer and a bucket, or inside a bucket.',
    details:
      'SOURCE and DESTINATION are a path on this computer or s3://bucket/folder. It is the same engine as `s3 upload` and\n' +
      '`s3 download`: compared by content, verified, resumable. Instances (instance:i-…:/path) are not reached yet: go by way\n' +
      'of the bucket.',
    examples: [
      ['to a bucket', '$0 transfer ./data s3://my-bucket/data/'],
      ['from a bucket', '$0 transfer s3://my-bucket/models/best.pt ./best.pt'],
      ['inside a bucket, without passing here', '$0 transfer s3://my-bucket/a/ s3://my-bucket/b/'],
    ],
  });

  source = argument('SOURCE');
  destination = argument('DESTINATION');
  wishes = optionSet(transferWishes);

  protected async run(): Promise<number> {
    const { anyPlace, notTransferable } = await import('@runctl/operations/transfer');
    const { source, destination } = this;
    const from = anyPlace(source, this.context.cwd);
    const to = anyPlace(destination, this.context.cwd);
    const words = { from: source, to: destination };
    if (from.kind === 'folder' && to.kind === 'bucket') return this.move('up', { here: from, there: to, ...words });
    if (from.kind === 'bucket' && to.kind === 'folder') return this.move('down', { here: to, there: from, ...words });
    if (from.kind === 'bucket' && to.kind === 'bucket' && from.bucket === to.bucket) return this.copy(from, to);
    throw notTransferable(from, to);
  }

  private async copy(from: BucketPlace, to: BucketPlace): Promise<number> {
    const filter = await this.filter();
    return this.withBucket(from, async ({ cloud: { store } }) => {
      const { copyInside } = await import('@runctl/operations/bucket');
      const { interrupted: signal } = this.context;
      const { dryRun } = this;
      this.noteWithoutEffect();
      const copied = await copyInside({ store, from, to, filter, signal, dryRun });
      const what = `${copied.objects} objects inside the bucket, ${copied.kept} the same already`;
      this.printResult({ type: 'copied', ...copied, dryRun }, `${dryRun ? 'would copy' : 'copied'} ${what}`);
      return 0;
    });
  }
}
