import type { CommandEvent } from '@runctl/protocol/events';

/** What `--json` prints for one event. */
export function jsonLine(event: CommandEvent): string {
  return `${JSON.stringify(event)}\n`;
}
