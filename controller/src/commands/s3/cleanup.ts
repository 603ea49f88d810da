import { Command } from 'clipanion';
import type { CleanupDecision, CleanupPolicy } from '@runctl/operations/bucket';
import { argument } from '../../options/declaration/argument.ts';
import { option, optionSet } from '../../options/declaration/option.ts';
import { cleanupOptions } from '../../options/declared/file-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { BucketCommand } from '../../options/transfer-command.ts';

export class S3CleanupCommand extends BucketCommand {
  static override paths = [['s3', 'cleanup']];
  static override usage = Command.Usage({
    description: 'Deletes old objects and folders directly below a place, and keeps the newest.',
    details:
      'Each object and each folder directly below S3_PATH counts as one, with the time of its newest object. Runs that have\n' +
      'not ended, parts of runs, and what runs share (tools, code, index, names) are never deleted; a run that has ended\n' +
      'goes only as a whole. Asks once before it deletes.',
    examples: [
      ['keep the newest five', '$0 s3 cleanup s3://my-bucket/checkpoints/ --keep-last-n 5'],
      ['runs that ended and are older than a month', '$0 s3 cleanup runs/ --older-than 30d'],
      ['see what would go', '$0 s3 cleanup exports/ --pattern "*.tmp" --keep-last-n 0 --dry-run'],
    ],
  });

  placeText = argument('S3_PATH');
  what = optionSet(cleanupOptions);
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would be deleted, and why' });
  yes = option(outputOptions.yes);

  protected run(): Promise<number> {
    return this.withPlace(this.placeText, async ({ store, prefix }) => {
      const { carryOutCleanup, decideCleanup } = await import('@runctl/operations/bucket');
      const { cleanupView } = await import('../../render/cleanup.ts');
      const { clock, interrupted: signal } = this.context;
      const options = { store, clock, prefix, policy: await this.policy(), signal };
      const decisions = await decideCleanup(options);
      const view = cleanupView(decisions, { nowMs: clock.wallMs(), dryRun: this.dryRun });
      for (const { event, text, keep } of view.decisions)
        if (this.json || !keep || this.dryRun || this.verbose) this.printResult(event, text);
      const isIdle = this.dryRun || view.doomed === 0;
      if (!isIdle && !this.yes) await this.askBefore(`delete ${view.what} below ${this.placeText}?`);
      const tell = ({ item }: CleanupDecision): void => this.note(`deleted ${item.name}`);
      const ending = view.ending(isIdle ? 0 : await carryOutCleanup(decisions, options, tell));
      this.printResult(ending.event, ending.text);
      return 0;
    });
  }

  private async policy(): Promise<CleanupPolicy> {
    const { pathFilter } = await import('@runctl/store');
    const { olderThan: olderThanMs = null, patterns: include } = this.what;
    const { keepLast = olderThanMs === null ? 10 : 0 } = this.what;
    return { keepLast, olderThanMs, fits: pathFilter({ include }) };
  }
}
