import { Command, Option } from 'clipanion';
import { formatBytes, formatDuration } from '@runctl/core';
import type { CleanupDecision, CleanupPolicy } from '@runctl/operations/bucket';
import { option } from '../../options/declaration/option.ts';
import { fileOptions, namePattern } from '../../options/declared/file-options.ts';
import { outputOptions } from '../../options/declared/output-options.ts';
import { numberIn } from '../../options/values/numbers.ts';
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

  placeText = Option.String({ name: 'S3_PATH' });
  keepLast = option({
    flag: '--keep-last-n',
    schema: numberIn({ least: 0, example: 5 }),
    help: 'keep the newest',
    group: 'files',
    defaultText: '10, or 0 with --older-than',
  });
  olderThan = option(fileOptions.olderThan);
  patterns = option({
    flag: '--pattern',
    schema: namePattern,
    help: 'only names that fit, such as "*.pt"; repeatable',
    group: 'files',
    default: [],
  });
  dryRun = option({ ...outputOptions.dryRun, help: 'only say what would be deleted, and why' });
  yes = option(outputOptions.yes);

  protected async run(): Promise<number> {
    const policy = await this.policy();
    const { bucketPlace, folderPrefix } = await import('@runctl/operations/transfer');
    const place = bucketPlace(this.placeText);
    const { cloud } = await this.connectTo(place);
    try {
      const { carryOutCleanup, decideCleanup } = await import('@runctl/operations/bucket');
      const { clock, interrupted: signal } = this.context;
      const options = { store: cloud.store, clock, prefix: folderPrefix(place), policy, signal };
      const decisions = await decideCleanup(options);
      const doomed = decisions.filter(({ keep }) => !keep);
      const bytes = doomed.reduce((sum, { item }) => sum + item.sizeBytes, 0);
      for (const decision of decisions) this.show(decision);
      const what = `${doomed.length} of ${decisions.length} (${formatBytes(bytes)})`;
      if (this.dryRun || doomed.length === 0) return this.end({ doomed: doomed.length, bytes, deleted: 0 }, what);
      if (!this.yes) await this.askBefore(`delete ${what} below ${this.placeText}?`);
      const deleted = await carryOutCleanup(decisions, options, (decision) =>
        this.note(`deleted ${decision.item.name}`),
      );
      return this.end({ doomed: doomed.length, bytes, deleted }, what);
    } finally {
      cloud.close();
    }
  }

  private async policy(): Promise<CleanupPolicy> {
    const { olderThan: olderThanMs = null } = this;
    const keepLast = this.keepLast ?? (olderThanMs === null ? 10 : 0);
    const { pathFilter } = await import('@runctl/store');
    return { keepLast, olderThanMs, fits: pathFilter({ include: this.patterns }) };
  }

  private show({ item, keep, why }: CleanupDecision): void {
    const { name, sizeBytes, newestMs } = item;
    const ageMs = Math.max(0, this.context.clock.wallMs() - newestMs);
    if (this.json)
      this.printJson({ type: keep ? 'keep' : 'delete', name, objects: item.keys.length, sizeBytes, ageMs, why });
    else if (!keep || this.dryRun || this.verbose)
      this.print(
        `${keep ? 'keep  ' : 'delete'} ${name}  ${formatBytes(sizeBytes)}, ${formatDuration(ageMs)} old: ${why}`,
      );
  }

  private end(sum: { doomed: number; bytes: number; deleted: number }, what: string): number {
    if (this.json) this.printJson({ type: 'cleaned-up', ...sum, dryRun: this.dryRun });
    else if (sum.doomed === 0) this.print('nothing to delete');
    else
      this.print(this.dryRun ? `would delete ${what}; nothing was changed` : `deleted ${what}: ${sum.deleted} objects`);
    return 0;
  }
}
