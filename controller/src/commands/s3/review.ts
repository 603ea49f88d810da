import { Command } from 'clipanion';
import { optionalArgument } from '../../options/declaration/argument.ts';
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

  placeText = optionalArgument('S3_PATH');
  detailed = option({
    flag: '-d,--detailed',
    schema: yesOrNo,
    help: 'reasons and single uploads too',
    group: 'output',
    default: false,
  });

  protected override get onlyAsks(): boolean {
    return true;
  }

  protected run(): Promise<number> {
    return this.withPlace(this.placeText ?? '', async ({ store, prefix }) => {
      const { reviewBucket } = await import('@runctl/operations/bucket');
      const { renderReview } = await import('../../render/review.ts');
      const { clock, interrupted: signal } = this.context;
      const review = await reviewBucket({ store, clock, prefix, signal });
      const look = { nowMs: clock.wallMs(), detailed: this.detailed, write: this.writeCommand };
      this.printResult({ type: 'review', ...review }, renderReview(review, look));
      return 0;
    });
  }
}
