import { Command, Option } from 'clipanion';
import { option } from '../../options/declaration/option.ts';
import { yesOrNo } from '../../options/values/choices.ts';
import { BucketCommand } from '../../options/transfer-command.ts';

export class S3ReviewCommand extends BucketCommand {
  static override paths = [['s3', 'review']];
  static override usage = Command.Usage({
    description: 'Shows what is stored: by run and folder, with sizes and ages, and what could be cleaned up.',
    details:
      'Unfinished uploads are counted too: they are billed, and no listing shows them. It reads every key below S3_PATH.',
    examples: [
      ['the configured bucket', '$0 s3 review'],
      ['with why runs must stay, and every unfinished upload', '$0 s3 review s3://my-bucket/training/ -d'],
    ],
  });

  placeText = Option.String({ name: 'S3_PATH', required: false });
  detailed = option({
    flag: '-d,--detailed',
    schema: yesOrNo,
    help: 'reasons and single uploads too',
    group: 'output',
    default: false,
  });

  protected async run(): Promise<number> {
    const { bucketPlace, folderPrefix } = await import('@runctl/operations/transfer');
    const place = bucketPlace(this.placeText ?? '');
    const { cloud } = await this.connectTo(place);
    try {
      const { reviewBucket } = await import('@runctl/operations/bucket');
      const { renderReview } = await import('../../render/review.ts');
      const { clock, interrupted: signal } = this.context;
      const review = await reviewBucket({ store: cloud.store, clock, prefix: folderPrefix(place), signal });
      if (this.json) this.printJson({ type: 'review', ...review });
      else
        this.print(renderReview(review, { nowMs: clock.wallMs(), detailed: this.detailed, write: this.writeCommand }));
      return 0;
    } finally {
      cloud.close();
    }
  }
}
