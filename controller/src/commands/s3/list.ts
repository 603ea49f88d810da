import { Command, Option } from 'clipanion';
import { formatBytes } from '@runctl/core';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { yesOrNo } from '../../options/values/choices.ts';
import { BucketCommand } from '../../options/transfer-command.ts';

export class S3ListCommand extends BucketCommand {
  static override paths = [['s3', 'list']];
  static override usage = Command.Usage({
    description: 'Lists objects and folders.',
    details: 'S3_PATH is s3://bucket/folder, or a folder in the configured bucket; without it, all of that.',
    examples: [
      ['what is in the configured bucket', '$0 s3 list'],
      ['every object below a folder', '$0 s3 list s3://my-bucket/checkpoints/ -r --human-readable'],
    ],
  });

  placeText = Option.String({ name: 'S3_PATH', required: false });
  recursive = option({ ...fileOptions.recursive, help: 'every object, not the folders' });
  human = option({
    flag: '--human-readable',
    schema: yesOrNo,
    help: 'sizes as 1.5 GiB',
    group: 'output',
    default: false,
  });

  protected async run(): Promise<number> {
    const { bucketPlace, folderPrefix } = await import('@runctl/operations/transfer');
    const place = bucketPlace(this.placeText ?? '');
    const { cloud } = await this.connectTo(place);
    try {
      const { listPlace } = await import('@runctl/operations/bucket');
      const { shownName } = await import('../../render/style.ts');
      const { recursive } = this;
      const { interrupted: signal } = this.context;
      const folder = folderPrefix(place);
      const entries = listPlace(cloud.store, { key: place.key, folder }, { recursive, signal });
      for await (const entry of entries) {
        if (this.json) this.printJson(entry);
        else if (entry.type === 'folder') this.print(`${' '.repeat(32)}folder  ${shownName(entry.key)}`);
        else {
          const size = this.human ? formatBytes(entry.sizeBytes) : String(entry.sizeBytes);
          this.print(
            `${entry.modifiedAt.slice(0, 19).replace('T', ' ')}  ${size.padStart(17)}  ${shownName(entry.key)}`,
          );
        }
      }
      return 0;
    } finally {
      cloud.close();
    }
  }
}
