import { type FollowEvent, type LaunchEvent, providerProblemText } from '@runctl/protocol/events';
import { assertNever, formatBytes, formatDuration } from '@runctl/core';
import { type DrainReport, type Fit, stoppingText } from '@runctl/protocol';
import { statusLine } from './live.ts';
import { priceText } from './plan.ts';
import type { Styles } from './style.ts';

type LineEvent = Exclude<FollowEvent, { type: 'log-bytes' }> | LaunchEvent;
type CapacityEvent = Extract<
  LineEvent,
  {
    type: 'requested' | 'capacity-problem' | 'machine' | 'machine-ended' | 'on-demand' | 'asked-anew' | 'capacity-gone';
  }
>;

/** One line for an event; null for one that needs no words. */
export function followLine(event: LineEvent, style: Styles): string | null {
  switch (event.type) {
    case 'uploaded':
      return `${event.what === 'tools' ? 'agent and runtime' : 'project'}: ${sentText(event.sizeBytes)}`;
    case 'run-created':
      return `run ${style.bold(event.run)}${event.name === null ? '' : ` (${event.name})`}`;
    case 'requested':
    case 'capacity-problem':
    case 'machine':
    case 'machine-ended':
    case 'on-demand':
    case 'asked-anew':
    case 'capacity-gone':
      return capacityLine(event, style);
    case 'boot-failed':
      return style.red(
        `${event.failure.machineId} failed before the agent, at "${event.failure.stage}": ${event.failure.message}`,
      );
    case 'phase':
      return event.phase === 'running' ? null : `${event.machineId} ${event.phase}: ${event.doing}`;
    case 'status':
      return style.dim(statusLine(event.status));
    case 'attempt':
    case 'outcome':
      return null;
    case 'life-event':
      return style.yellow(`attempt ${event.attempt} ${event.event.kind}: ${event.event.message}`);
    case 'notice': {
      const { action, windowMs, step, durableStep } = event.notice;
      return style.yellow(
        `interruption notice (${action}): ${formatDuration(windowMs)} left, at step ${step ?? 'unknown'}, ${durableStep === null ? 'no durable step' : `durable ${durableStep}`}`,
      );
    }
    case 'stopping':
      return stoppingText(event.stopping, Date.parse(event.at));
    case 'drained':
      return drainLine(event.drain, style);
    case 'attempt-ended':
      return `attempt ${event.attempt} ended: ${event.outcome.status} (${event.outcome.cause})${event.outcome.status === 'interrupted' ? '; another machine takes over' : ''}`;
    case 'attempt-lost':
      return style.yellow(
        `attempt ${event.attempt} vanished without a word, last seen at step ${event.lastStep ?? 'unknown'}`,
      );
    case 'warning':
      return style.yellow(`warning: ${event.text}`);
    case 'fit':
      return fitLines(event.fit, style).join('\n');
    case 'silent':
      return style.yellow(`no heartbeat for ${formatDuration(event.silentMs)}`);
    case 'durable':
      return event.step === null ? null : style.dim(`checkpoint of step ${event.step} is durable`);
    case 'log-gap':
      return style.red(`${event.to - event.from} bytes of the log are missing here`);
    default:
      return assertNever(event);
  }
}

/** What the provider does for the launch. */
function capacityLine(event: CapacityEvent, style: Styles): string {
  switch (event.type) {
    case 'requested':
      return `machines requested: ${event.id}`;
    case 'capacity-problem':
      return style.yellow(`no machine yet: ${providerProblemText(event.event)}${waitingText(event.event)}`);
    case 'machine': {
      const { machine } = event;
      const price = priceText({ pricePerHourUsd: event.pricePerHourUsd });
      return `machine ${machine.machineId}: ${machine.machineType} in ${machine.location}, ${machine.market} at ${price}/h, ${machine.state === 'starting' ? 'booting' : machine.state}`;
    }
    case 'machine-ended':
      return `machine ${event.machine.machineId} is gone${machineEndText(event.machine)}`;
    case 'on-demand':
      return `no spot capacity in ${formatDuration(event.waitedMs)}: switched to on-demand`;
    case 'asked-anew':
      return `no machine after the switch either: the request was ended, machines requested anew: ${event.id}`;
    case 'capacity-gone':
      return [
        `no more machines will come (${event.state ?? 'unknown to the provider'})`,
        ...event.reasons.map((reason) => `  ${reason}`),
      ].join('\n');
    default:
      return assertNever(event);
  }
}

/** A quota may be used by others of the account, of whom runctl knows nothing. */
function waitingText({ errorCode, nature }: Extract<LineEvent, { type: 'capacity-problem' }>['event']): string {
  const isWaitedFor = errorCode === 'quota-exceeded' && nature !== 'lasting';
  return isWaitedFor ? '; waiting until other machines of the account end or the quota is raised' : '';
}

/** `: it powered itself off (Client.InstanceInitiatedShutdown)`, with what to do about it; empty where nobody says why. */
export function machineEndText({
  endCause,
  endReason,
}: Extract<LineEvent, { type: 'machine-ended' }>['machine']): string {
  const cause = endCause === null ? '' : `: ${endCause.text}`;
  const hint = (endCause?.hint ?? null) === null ? '' : `; ${endCause?.hint}`;
  return `${cause}${endReason === null ? '' : ` (${endReason})`}${hint}`;
}

/** Whether a save fits into a notice, what to do if not, and how often to save. */
export function fitLines(fit: Fit, style: Styles): readonly string[] {
  return [
    `at a notice: ${fitText(fit, style)}`,
    ...fit.advice.map((text) => `  ${style.yellow('advice:')} ${text}`),
    ...(fit.interval === null ? [] : [`  ${style.dim(intervalText(fit.interval))}`]),
  ];
}

export function fitText({ verdict, summary }: Fit, style: Styles): string {
  if (verdict === 'unknown') return style.dim(summary);
  return verdict === 'fits' ? style.green(summary) : style.red(summary);
}

export function intervalText({ nowMs, suggestedMs, reason }: NonNullable<Fit['interval']>): string {
  const now = nowMs === null ? '' : `, now every ${formatDuration(nowMs)}`;
  return `cheapest to save every ${formatDuration(suggestedMs)}${now} (${reason})`;
}

/** What became of the time between the first sight of a stop and the last byte. */
export function drainLine(drain: DrainReport, style: Styles): string {
  const time = (ms: number | null): string => (ms === null ? 'never' : formatDuration(ms));
  const parts = [
    `SIGTERM after ${time(drain.noticeToSigtermMs)}${drain.caughtTerm === false ? ', which nothing caught' : ''}`,
    drain.killed ? style.red('the script had to be killed') : `script ended ${time(drain.sigtermToExitMs)} later`,
    drain.newCheckpoint ? `what it saved was durable ${time(drain.flushMs)} after that` : style.red(unsavedText(drain)),
    `durable step ${drain.durableStep ?? 'none'}`,
  ];
  return `drained: ${parts.join(', ')}`;
}

/** Whether nothing was saved, or what was saved is lost: only the script can help the one, and only speed the other. */
function unsavedText({ notDurable }: DrainReport): string {
  return notDurable.length === 0
    ? 'no new complete checkpoint appeared'
    : `not durable in time: ${notDurable.join('; ')}`;
}

function sentText(sizeBytes: number): string {
  return sizeBytes === 0 ? 'already there' : `${formatBytes(sizeBytes)} sent`;
}
