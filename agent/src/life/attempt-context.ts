import type { LaunchIntent, RunSpec } from '@runctl/protocol';
import type { Checkpoints } from '../checkpoints/checkpoint-port.ts';
import type { FitKeeper } from '../fit/fit-keeper.ts';
import type { RunDocuments } from '../reporting/run-documents.ts';
import type { HostIdentity } from '../host/host.ts';
import type { Journal } from '../journal/journal.ts';
import type { LeaseKeeper } from '@runctl/checkpoint';
import type { Supervisor } from '../workload/supervisor/supervisor.ts';
import type { LifeState } from '../reporting/life-state.ts';
import type { Progress } from '../reporting/progress.ts';
import type { AgentPorts } from './ports.ts';
import type { StopBoard } from '../driver/stop-board.ts';

/** What the agent knows once it knows its run: constant over all attempts on this machine. */
export interface RunFacts {
  readonly spec: RunSpec;
  readonly intent: LaunchIntent | null;
  readonly identity: HostIdentity;
  readonly pricePerHourUsd: number | null;
}

/** What the parts of one agent's life share. */
export interface LifeContext {
  readonly ports: AgentPorts;
  readonly facts: RunFacts;
  readonly documents: RunDocuments;
  readonly journal: Journal;
  readonly life: LifeState;
  readonly stops: StopBoard;
  readonly lease: LeaseKeeper;
  readonly supervisor: Supervisor;
  readonly checkpoints: Checkpoints;
  readonly fit: FitKeeper;
  readonly folders: { readonly code: string; readonly checkpoint: string };
  readonly progress: {
    read(): Promise<{ readonly step: number | null; readonly source: Progress['source'] }>;
  };
  readonly node: number;
}

/** What the offer that this machine came from costs, by the plan that was shown before the launch. */
export function priceOf(intent: LaunchIntent | null, identity: HostIdentity): number | null {
  const fits = (intent?.offers ?? []).filter(
    (offer) => offer.machineType === identity.machineType && offer.location === identity.location,
  );
  return fits.find((offer) => offer.market === identity.market)?.pricePerHourUsd ?? null;
}
