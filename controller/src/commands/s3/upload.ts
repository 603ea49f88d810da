import { Command } from 'clipanion';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { TransferCommand } from '../../options/transfer-command.ts';

export class S3UploadCommand extends TransferCommand {
  static override paths = [['s3', 'upload']];
  static override usage = Command.Usage({
    description: 'Sends a file or a folder to a bucket.',
    details:
      'S3 checks every part against its CRC-32. What the bucket has already with the same content is not sent again, and a\n' +
      'file that was cut off goes on with the parts that are missing. DESTINATION is s3://bucket/folder, or a folder in the\n' +
      'configured bucket.',
    examples: [
      ['a folder', '$0 s3 upload checkpoints/ s3://my-bucket/checkpoints/'],
      ['one file, into the configured bucket', '$0 s3 upload model.pt models/best.pt'],
      ['see what would be sent', '$0 s3 upload data/ s3://my-bucket/data/ --exclude "*.tmp" --dry-run'],
    ],
  });

  source = argument('SOURCE');
  destination = argument('DESTINATION');
  /** Of the old tool. A folder is always sent whole. */
  recursive = option({ ...fileOptions.recursive, hidden: true });

  protected async run(): Promise<number> {
    const { bucketPlace, folderPlace } = await import('@runctl/operations/transfer');
    const there = bucketPlace(this.destination);
    const here = folderPlace(this.source, this.context.cwd);
    return this.move('up', { here, there, from: this.source, to: this.destination });
  }
}
