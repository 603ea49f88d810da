import type { KillResult } from './kill-trial.ts';
import { textTable } from '../support/table.ts';

/** What happened, for people: one line a trial. */
export function killTable(results: readonly KillResult[]): string {
  return textTable([
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
      gone.length <= 1 ? (gone[0] ?? '-') : `${gone[0]} and ${gone.length - 1} later ones`,
      problems.length === 0 ? 'ok' : problems.join('; '),
    ]),
  ]);
}
