import type { ObjectEvent, ListedEvent } from '@runctl/protocol/events';
import { formatBytes } from '@runctl/core';
import { shownName } from './style.ts';

/** A line of a listing. */
export function objectLine(entry: ListedEvent, { human }: { readonly human: boolean }): string {
  if (entry.type === 'folder') return `${' '.repeat(32)}folder  ${shownName(entry.key)}`;
  const size = human ? formatBytes(entry.sizeBytes) : String(entry.sizeBytes);
  return `${entry.modifiedAt.slice(0, 19).replace('T', ' ')}  ${size.padStart(17)}  ${shownName(entry.key)}`;
}

/** A change in a bucket, as it was seen at `nowMs`. */
export function changeLine(change: ObjectEvent, nowMs: number): string {
  if (change.type === 'unreachable') return `the bucket can't be reached: ${change.message}; trying again`;
  const when = new Date(nowMs).toISOString().slice(11, 19);
  const size = change.type === 'gone' ? '' : `  ${formatBytes(change.sizeBytes)}`;
  return `${when}  ${change.type.padEnd(7)}  ${shownName(change.key)}${size}`;
}
