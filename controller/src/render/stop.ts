import type { StopEvent } from '@runctl/operations/stop';
import { followLine } from './follow-text.ts';
import { styles } from './style.ts';

/** One line for an event of `runctl stop`; null for one that needs no words. */
export function stopLine(event: StopEvent, colour: boolean): string | null {
  if (event.type === 'asked') return `asked ${event.owner} to save and stop`;
  if (event.type === 'nobody-alive') return `${event.why}: ending the run from here`;
  if (event.type === 'older-ended')
    return event.fleetIds.length === 0
      ? 'no machines of it were found'
      : `ended ${event.fleetIds.join(', ')} by their tags`;
  if (event.type === 'fleet-ended') {
    if (event.fleetId === null) return 'no fleet was ever made';
    return `fleet ${event.fleetId} and its machines are gone${event.deletedHere ? ' (deleted from here)' : ''}`;
  }
  return event.type === 'log' ? null : followLine(event, styles(colour));
}
