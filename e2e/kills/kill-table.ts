import type { KillResult } from './kill-trial.ts';

/** What happened, for people: one line a trial. */
export function killTable(results: readonly KillResult[]): string {
  const cells = [
    [
      'seed',
      'what',
      'moment',
      'saving',
      'MiB',
      'lives',
      'saves',
      'durable',
      'resumed at',
      'finished, not durable',
      'verdict',
    ],
    ...results.map(({ plan, lives, saves, acknowledged, resumedAtStep, gone, problems }) => [
      `${plan.seed}`,
      plan.kind,
      `${plan.momentMs} ms`,
      plan.saving,
      `${plan.sizeMiB}`,
      `${lives}`,
      `${saves}`,
      `${acknowledged}`,
      resumedAtStep.join(', ') || '-',
      gone.join(', ') || '-',
      problems.length === 0 ? 'ok' : problems.join('; '),
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
