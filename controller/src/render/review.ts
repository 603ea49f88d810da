import { command, formatBytes, formatDuration } from '@runctl/core';
import type { Amount, Review } from '@runctl/operations/bucket';
import type { CommandWriter } from './command-writer.ts';
import { table } from './table.ts';

/** `runctl s3 review` for people. */
export function renderReview(
  review: Review,
  options: { readonly nowMs: number; readonly detailed: boolean; readonly write: CommandWriter },
): string {
  const { runs, folders, uploads, total } = review;
  const age = (ms: number): string => formatDuration(Math.max(0, options.nowMs - ms));
  const sections = [
    table(
      ['RUN', 'SIZE', 'OBJECTS', 'CHECKPOINTS', 'DATA', 'LOGS', 'NEWEST', 'OLDEST', 'STATE'],
      runs.map((run) => [
        run.base + run.run,
        formatBytes(run.total.bytes),
        String(run.total.objects),
        String(run.checkpoints),
        formatBytes(run.data.bytes),
        formatBytes(run.logs.bytes),
        age(run.newestMs),
        age(run.oldestMs),
        run.alive === null ? 'ended' : options.detailed ? run.alive : 'must stay',
      ]),
    ),
    table(
      ['FOLDER', 'SIZE', 'OBJECTS', 'NEWEST', 'OLDEST'],
      folders.map(({ name, total, newestMs, oldestMs }) => [
        name,
        formatBytes(total.bytes),
        String(total.objects),
        age(newestMs),
        age(oldestMs),
      ]),
    ),
    options.detailed
      ? table(
          ['UNFINISHED UPLOAD', 'SIZE', 'BEGUN'],
          uploads.map(({ key, bytes, begunMs }) => [key, formatBytes(bytes), age(begunMs)]),
        )
      : '',
    `${amount(total)} in all\n${cleanable(review, options.write).join('\n')}`.trimEnd(),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

/** What could go, each with what to do about it. */
function cleanable({ runs, uploads }: Review, write: CommandWriter): readonly string[] {
  const ended = runs.filter((run) => run.alive === null);
  const sum = (amounts: readonly Amount[]): Amount => ({
    objects: amounts.reduce((all, each) => all + each.objects, 0),
    bytes: amounts.reduce((all, each) => all + each.bytes, 0),
  });
  const lines: string[] = [];
  if (ended.length > 0)
    lines.push(
      `could go: ${ended.length} runs that have ended, ${amount(sum(ended.map((run) => run.total)))} (${write(command('s3 cleanup', 'runs/', '--older-than', '30d'))})`,
    );
  const orphans = sum(ended.map((run) => run.orphans));
  if (orphans.objects > 0) lines.push(`of these, ${amount(orphans)} belong to checkpoints that were never finished`);
  const bytes = uploads.reduce((all, upload) => all + upload.bytes, 0);
  if (uploads.length > 0)
    lines.push(
      `${uploads.length} uploads were never finished and are billed: ${formatBytes(bytes)} (a lifecycle rule of the bucket can abort them: docs/aws-account.md)`,
    );
  return lines;
}

function amount({ objects, bytes }: Amount): string {
  return `${formatBytes(bytes)} in ${objects} object${objects === 1 ? '' : 's'}`;
}
