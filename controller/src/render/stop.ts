import type { StopEvent } from '@runctl/protocol/events';
import { followLine } from './follow-text.ts';
import { styles } from './style.ts';

/** One line for an event of `runctl stop`; null for one that needs no words. */
export function stopLine(event: StopEvent, colour: boolean): string | null {
  if (event.type === 'asked') return `asked ${event.owner} to save and stop`;
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
