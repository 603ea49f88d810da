import type { RequestListener } from 'node:http';
import type { Compute } from '../model/compute/compute.ts';
import { MetadataFaults, type MetadataFault } from './faults.ts';
import { createImdsListener } from './listener.ts';

/** The metadata services of a region's instances. */
export interface MetadataServices {
  /** A new service for one instance: it knows no token that an earlier one gave out. */
  listenerFor(instanceId: string): RequestListener;
  /** Makes the service of an instance misbehave. */
  misbehave(instanceId: string, fault: MetadataFault): void;
  /** Forgets planned misbehaviour and cuts off whoever waits for an answer that never comes. */
  close(): void;
}

/** `tokenlessAgents`: see the driver's. */
export function createMetadataServices(compute: Compute, tokenlessAgents?: RegExp): MetadataServices {
  const faults = new MetadataFaults();
  return {
    listenerFor: (instanceId) => createImdsListener({ compute, faults, tokenlessAgents }, instanceId),
    misbehave: (instanceId, fault) => faults.add(instanceId, fault),
    close: () => faults.clear(),
  };
}
