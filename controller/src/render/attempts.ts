import {
  attemptNumber,
  type AttemptRecord,
  lastLaunch,
  resumeIgnoredAtStart,
  type RunRecord,
} from '@runctl/operations/run';
import type { Styles } from './style.ts';
import { table } from './table.ts';

/** The lives of a run, a line each. */
export function attemptTable(record: RunRecord): string {
  const rows = record.attempts.map((attempt) => [
    String(attemptNumber(record, attempt.generation)),
    attempt.started?.machineId ?? attempt.status?.document.machineId ?? '-',
    attempt.started === null
      ? '-'
      : `${attempt.started.machineType} ${attempt.started.location} ${attempt.started.market}`,
    attempt.started?.at.slice(0, 19).replace('T', ' ') ?? '-',
    fromText(attempt),
    endText(record, attempt),
  ]);
  return table(['ATTEMPT', 'MACHINE', 'OFFER', 'STARTED (UTC)', 'FROM', 'ENDED'], rows);
}

/** Where a life began, as far as it is known. */
function fromText(attempt: AttemptRecord): string {
  const { started } = attempt;
  if (started === null) return '-';
  if (started.resumedFrom === null) return 'start';
  const step = started.resumedFrom.step?.toString() ?? '?';
  return resumeIgnoredAtStart(attempt) === null ? step : `start (${step} ignored)`;
}

/** What happened within the lives, a line each. */
export function lifeLines(record: RunRecord, style: Styles): readonly string[] {
  return record.attempts.flatMap(({ events, generation }) =>
    events.map(({ at, kind, message }) => {
      const where = style.dim(`attempt ${attemptNumber(record, generation)} ${at.slice(11, 19)}`);
      return `  ${where} ${style.yellow(kind)} ${message}`;
    }),
  );
}

/** Why a life ended, as far as it is known. */
function endText(record: RunRecord, attempt: AttemptRecord): string {
  const { outcome } = attempt;
  if (outcome !== null) {
    const code = outcome.exitCode === null ? (outcome.signal ?? '') : `exit ${outcome.exitCode}`;
    const steps = [outcome.step, outcome.durableStep].filter((step) => step !== null);
    const at = steps.length === 0 ? '' : ` at step ${Math.max(...steps)}`;
    return `${outcome.status} (${outcome.cause}${code === '' ? '' : `, ${code}`})${at}, ${durableAtEnd(attempt)}`;
  }
  const later = record.attempts.some((other) => other.generation > attempt.generation);
  if (later) return `vanished without a word, last at step ${attempt.status?.document.step ?? '?'}`;
  return lastLaunch(record)?.outcome === null ? 'goes on' : '-';
}

function durableAtEnd({ outcome, status }: AttemptRecord): string {
  const step = outcome?.durableStep ?? null;
  if (step !== null) return `durable ${step}`;
  return (status?.document.durable ?? null) === null ? 'nothing durable' : 'durable without a step';
}
