import type { Fleet, FleetHistoryEntry } from './fleet.ts';

const keptEntries = 1000;

/** Adds what happened to a fleet to its history, which keeps the newest entries. */
export function recordInHistory(
  fleet: Fleet,
  entry: Pick<FleetHistoryEntry, 'type' | 'subType'> & Partial<FleetHistoryEntry>,
  atMs: number,
): void {
  fleet.history.push({ description: '', instanceId: null, ...entry, atMs });
  if (fleet.history.length > keptEntries) fleet.history.shift();
}
