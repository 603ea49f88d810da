import type { HappenedEvent } from '@runctl/protocol/events';
import { styles } from './style.ts';

/** `2026-01-01 00:00:00  i-…  text` */
export function renderEvent(event: HappenedEvent, colour: boolean): string {
  const style = styles(colour);
  const loud = /failed|notice|error|warning/.test(event.kind);
  const text = loud ? style.yellow(event.text) : event.text;
  return `${style.dim(event.at.slice(0, 23).replace('T', ' '))}  ${event.source.padEnd(22)}  ${text}`;
}
