import { formatDuration, formatUsd } from '@runctl/core';
import { type AttemptStatus, stoppingText } from '@runctl/protocol';
import type { LiveAnswer } from '@runctl/operations/live';
import { styles } from './style.ts';

/** `runctl status RUN --live`. */
export function renderLive(answer: LiveAnswer, colour: boolean): string {
  const style = styles(colour);
  const { status } = answer;
  const rows: [string, string][] = [
    ['phase', `${status.phase}: ${status.doing}`],
    ...(status.stopping === null
      ? []
      : [['stop', stoppingText(status.stopping, Date.parse(status.at))] as [string, string]]),
    ['now', statusLine(status)],
    [
      'lease',
      `${status.lease.state}${status.lease.renewedAgoMs === null ? '' : `, renewed ${formatDuration(status.lease.renewedAgoMs)} ago`}`,
    ],
    [
      'uploads',
      status.uploads.length === 0
        ? 'none'
        : status.uploads.map((upload) => `${upload.path} ${upload.sentBytes}/${upload.sizeBytes}`).join(', '),
    ],
    [
      'notice',
      status.notice === null ? 'none' : `${status.notice.action}, ${formatDuration(status.notice.deadlineInMs)} left`,
    ],
  ];
  const lines = rows.map(([name, text]) => `  ${style.dim(name.padEnd(8))} ${text}`);
  return `${style.bold(`${answer.machineId}, asked over ${answer.via} just now`)}\n${lines.join('\n')}\n`;
}

/** Of a script that reports no step. */
function savedStepText(durable: AttemptStatus['durable']): string {
  return durable === null || durable.step === null ? 'unknown' : `${durable.step} or later`;
}

/** `step 120 · durable 100 · at risk 12 s ($0.01) · spent $0.02` */
export function statusLine(status: AttemptStatus): string {
  const { step, durable, atRiskMs, pricePerHourUsd, budget } = status;
  const parts = [
    `step ${step ?? savedStepText(durable)}`,
    `durable ${durable === null ? 'none' : (durable.step ?? 'without a step')}`,
  ];
  if (atRiskMs !== null) {
    const money = pricePerHourUsd === null ? '' : ` (${formatUsd((atRiskMs / 3_600_000) * pricePerHourUsd)})`;
    parts.push(`at risk ${formatDuration(atRiskMs)}${money}`);
  }
  if (budget.spentUsd !== null) parts.push(`spent ${formatUsd(budget.spentUsd)}`);
  return parts.join(' · ');
}
