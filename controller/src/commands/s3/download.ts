import { Command } from 'clipanion';
import { argument } from '../../options/declaration/argument.ts';
import { option } from '../../options/declaration/option.ts';
import { fileOptions } from '../../options/declared/file-options.ts';
import { TransferCommand } from '../../options/transfer-command.ts';

export class S3DownloadCommand extends TransferCommand {
  static override paths = [['s3', 'download']];
  static override usage = Command.Usage({
    description: 'Fetches an object or a folder of objects.',
    details:
      'What comes is held against the checksum that S3 has recorded, in a file beside its place that is renamed when it is\n' +
      'whole. What is here already with the same content is not fetched again, and a file that was cut off goes on with the\n' +
      'parts that are missing. Names that would lead out of DESTINATION are refused.',
    examples: [
      ['a folder', '$0 s3 download s3://my-bucket/checkpoints/ ./checkpoints/'],
      ['one object of the configured bucket', '$0 s3 download models/best.pt .'],
    ],
  });

  source = argument('SOURCE');
  destination = argument('DESTINATION');
  recursive = option({ ...fileOptions.recursive, help: 'SOURCE is a folder, even if an object has its name' });

  protected async run(): Promise<number> {
    const { bucketPlace, folderPlace } = await import('@runctl/operations/transfer');
    const there = bucketPlace(this.source);
    const here = folderPlace(this.destination, this.context.cwd);
    return this.move('down', { here, there, from: this.source, to: this.destination, recursive: this.recursive });
  }
}
