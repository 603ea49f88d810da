import { cleanUpOlderGenerations, createPublisher, leasePolicy, settlePrefetched } from '@runctl/checkpoint';
import type { Parts } from './agent.ts';

/** Worlds run at five times the product's pace, so that a simulated minute holds more that can go wrong. */
export const PACE = 0.2;

/** The product as it is. */
export const realParts: Parts = {
  publisher: createPublisher,
  restore: settlePrefetched,
  cleanUp: cleanUpOlderGenerations,
  leasePolicy: {
    ttlMs: leasePolicy.ttlMs * PACE,
    renewEveryMs: leasePolicy.renewEveryMs * PACE,
    publishWithinMs: leasePolicy.publishWithinMs * PACE,
    retryMs: leasePolicy.retryMs * PACE,
  },
  store: (store) => store,
  mayPublish: (keeper) => keeper.mayPublish(),
  ended: (end) => end,
};
