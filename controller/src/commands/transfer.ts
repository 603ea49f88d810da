import { Command, Option } from 'clipanion';
import { command, RunctlError } from '@runctl/core';
import type { BucketPlace, FolderPlace, TransferPlace } from '@runctl/operations/transfer';
import { option } from '../options/declaration/option.ts';
import { yesOrNo } from '../options/values/choices.ts';
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

  source = Option.String({ name: 'SOURCE' });
  destination = Option.String({ name: 'DESTINATION' });
  compress = option({ flag: '--compress', schema: yesOrNo, help: '', group: 'files', hidden: true });
  verify = option({ flag: '--verify', schema: yesOrNo, help: '', group: 'files', hidden: true });
  resume = option({ flag: '--resume', schema: yesOrNo, help: '', group: 'files', hidden: true });

  protected async run(): Promise<number> {
    const { anyPlace } = await import('@runctl/operations/transfer');
    const from = anyPlace(this.source, this.context.cwd);
    const to = anyPlace(this.destination, this.context.cwd);
    if (from.kind === 'folder' && to.kind === 'bucket') return this.move('up', from, to);
    if (from.kind === 'bucket' && to.kind === 'folder') return this.move('down', to, from);
    if (from.kind === 'bucket' && to.kind === 'bucket') return this.copy(from, to);
    throw refusal(from, to);
  }

  protected override withoutEffect(): readonly (readonly [option: string, instead: string])[] {
    const given = { compress: this.compress, verify: this.verify, resume: this.resume };
    const instead = {
      compress: 'objects hold exactly what the files hold',
      verify: 'everything is always verified',
      resume: 'what was cut off is always gone on with',
    };
    const own = (['compress', 'verify', 'resume'] as const).filter((name) => given[name] !== undefined);
    return [
      ...super.withoutEffect(),
      ...own.map((name) => [`--${given[name] === true ? '' : 'no-'}${name}`, instead[name]] as const),
    ];
  }

  private async move(direction: 'up' | 'down', here: FolderPlace, there: BucketPlace): Promise<number> {
    const filter = await this.filter();
    const concurrency = this.concurrency();
    const { cloud } = await this.connectTo(there);
    try {
      const { gatherDownload, gatherUpload } = await import('@runctl/operations/transfer');
      const { transfer } = await import('@runctl/operations/transfer');
      const { clock, interrupted: signal } = this.context;
      const { dryRun } = this;
      const where = { store: cloud.store, here, there, filter, signal, dryRun };
      const gathered =
        direction === 'up' ? await gatherUpload(where) : await gatherDownload({ ...where, recursive: false });
      const options = { store: cloud.store, clock, signal, direction, dryRun, ...concurrency };
      return await this.follow(transfer(gathered, options), { from: this.source, to: this.destination });
    } finally {
      cloud.close();
    }
  }

  private async copy(from: BucketPlace, to: BucketPlace): Promise<number> {
    if (from.bucket !== to.bucket)
      throw new RunctlError('usage', `${from.bucket} and ${to.bucket} are different buckets`, {
        hint: ['fetch it first (', command('s3 download'), '), then send it (', command('s3 upload'), ')'],
      });
    const filter = await this.filter();
    const { cloud } = await this.connectTo(from);
    try {
      const { copyInside } = await import('@runctl/operations/bucket');
      const { interrupted: signal } = this.context;
      this.noteWithoutEffect();
      const copied = await copyInside({ store: cloud.store, from, to, filter, signal, dryRun: this.dryRun });
      if (this.json) this.printJson({ type: 'copied', ...copied, dryRun: this.dryRun });
      else
        this.print(
          `${this.dryRun ? 'would copy' : 'copied'} ${copied.objects} objects inside the bucket, ${copied.kept} the same already`,
        );
      return 0;
    } finally {
      cloud.close();
    }
  }
}

function refusal(from: TransferPlace, to: TransferPlace): RunctlError {
  if (from.kind === 'folder' && to.kind === 'folder')
    return new RunctlError('usage', `${from.text} and ${to.text} are both on this computer`, {
      hint: 'one of them must be s3://bucket/folder',
    });
  return new RunctlError('usage', 'files of an instance are not reached by transfer yet', {
    hint: ['go by way of the bucket: ', command('s3 upload'), ' here, and `aws s3 cp` there'],
  });
}
