import type { CommandEvent, StopEvent } from '@runctl/protocol/events';
import type { LaunchOutcome } from '@runctl/protocol';
import { followLine } from './follow-text.ts';
import { styles } from './style.ts';

/** One line for an event of `runctl stop`; null for one that needs no words. */
export function stopLine(event: StopEvent, colour: boolean): string | null {
  if (event.type === 'asked') return `asked ${event.owner} to save and stop`;
  if (event.type === 'other-laptop')
    return `${event.owner} has taken the run, or died at it: waiting until its hold ends`;
  if (event.type === 'hurried') return 'asked to end the script at once';
  if (event.type === 'nobody-alive') return `${event.why}: ending the run from here`;
  if (event.type === 'older-ended')
    return event.ids.length === 0
      ? 'no machines of it were found'
      : `ended ${event.ids.join(', ')}, found at the provider`;
  if (event.type === 'capacity-ended') {
    if (event.id === null) return 'no machines were ever requested';
    return `${event.id} and its machines are gone${event.endedHere ? ' (ended from here)' : ''}`;
  }
  return event.type === 'log-bytes' ? null : followLine(event, styles(colour));
}

/** How a stopped run ended; null stands for a run of an older format. */
export function stopped(
  run: string,
  outcome: Pick<LaunchOutcome, 'status' | 'message' | 'durableStep'> | null,
): { readonly event: CommandEvent; readonly text: string } {
  if (outcome === null) {
    const message = 'an older runctl launched it; its machines are ended, and that runctl can resume it';
    return { event: { type: 'stopped', run, status: 'older', message, durableStep: null }, text: `${run}: ${message}` };
  }
  const { status, message, durableStep } = outcome;
  const durable = durableStep === null ? 'nothing is durable' : `durable step ${durableStep}`;
  return {
    event: { type: 'stopped', run, status, message, durableStep },
    text: `${run} ${status}: ${message}; ${durable}`,
  };
}
