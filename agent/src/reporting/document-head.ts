import type { Clock } from '@runctl/core';
import { FORMAT_VERSION, timestampOf } from '@runctl/protocol';
import type { HostIdentity } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';

/** An agent's own name: its run, its launch, its machine. Constant for as long as it lives. */
export interface AgentSelf {
  readonly run: string;
  readonly launch: number;
  readonly node: number;
  readonly identity: HostIdentity;
  /** Null where the price of this machine is not known. */
  readonly pricePerHourUsd: number | null;
}

export interface HeadParts {
  readonly self: AgentSelf;
  readonly journal: Journal;
  readonly clock: Clock;
}

/** The fields with which each document of the current attempt begins. */
export function documentHead({ self, journal, clock }: HeadParts) {
  return {
    version: FORMAT_VERSION,
    generation: journal.state.attempt?.generation ?? 1,
    node: self.node,
    launch: self.launch,
    machineId: self.identity.machineId,
    at: timestampOf(clock.wallMs()),
  } as const;
}
