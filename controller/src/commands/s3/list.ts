import { Command } from 'clipanion';
import { optionalArgument } from '../../options/declaration/argument.ts';
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

  placeText = optionalArgument('S3_PATH');
  recursive = option({ ...fileOptions.recursive, help: 'every object, not the folders' });
  human = option({
    flag: '--human-readable',
    schema: yesOrNo,
    help: 'sizes as 1.5 GiB',
    group: 'output',
    default: false,
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withPlace(this.placeText ?? '', async ({ store, key, prefix: folder }) => {
      const { listPlace } = await import('@runctl/operations/bucket');
      const { objectLine } = await import('../../render/objects.ts');
      const { recursive } = this;
      const { interrupted: signal } = this.context;
      for await (const entry of listPlace(store, { key, folder }, { recursive, signal }))
        this.printResult(entry, objectLine(entry, { human: this.human }));
      return 0;
    });
  }
}
