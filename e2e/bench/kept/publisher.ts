import { createPublisher, recognisers } from '@runctl/checkpoint';
import { type Clock, silentLog } from '@runctl/core';
import type { ObjectStore } from '@runctl/store';

export const RUN = 'r-abcdefghij';
export const SETTLE_MS = 2000;

/** The engine as the agent has it, alone with a folder and a bucket: every recogniser, and always the holder of the lease. */
export function publisherOf({ store, folder, clock }: { store: ObjectStore; folder: string; clock: Clock }) {
  return createPublisher({
    store,
    run: RUN,
    folder,
    node: 0,
    clock,
    log: silentLog,
    recognisers,
    openWriters: { among: () => Promise.resolve(new Set<string>()) },
    settleMs: SETTLE_MS,
    mayPublish: () => ({ generation: 1 }),
  });
}
