import type { Market } from '@runctl/protocol';
import type { InterruptionWatcher, WatchRequest } from './interruptions.ts';

/** Who this machine is. */
export interface HostIdentity {
  /** Unique among the machines of a run, and the same for every agent on this machine. */
  readonly machineId: string;
  readonly machineType: string;
  readonly location: string;
  readonly market: Market;
  /** What starts machines like this one for the launch, as the machine itself knows it; opaque to all but the host. */
  readonly capacity: string | null;
}

/** Whether this machine's rights suffice. `why` is for people. */
export type Permission = { readonly granted: true } | { readonly granted: false; readonly why: string };

/** The machines that would follow this one within its launch. */
export interface Successors {
  /** What `end` does, in the present continuous, and what is wrong while it rejects; for people. */
  readonly doing: string;
  readonly trouble: string;
  /** The capacity that the provider's reference in the launch's documents names; null where it names none of this host's. */
  capacityIn(ref: unknown): string | null;
  /** Whether this machine may call `end`, without ending anything. Rejects while that can't be found out. */
  mayEnd(capacity: string): Promise<Permission>;
  /**
   * Keeps further machines of the launch from starting, and verifies it; machines that run go on. Idempotent: capacity
   * that is gone is ended. Rejects when it is not known to have ended.
   */
  end(capacity: string): Promise<void>;
}

/** What became of a machine that its agent was done with. */
export type PowerEnd = 'off' | 'left-on';

/** The machine's power. In the local cloud it reaches only the machine itself. */
export interface Power {
  /** What `off` does, in the present continuous, for people. */
  readonly doing: string;
  /** Resolves with `off` once an ordinary shutdown was asked for, with `left-on` where the machine is not the launch's. */
  off(): Promise<PowerEnd>;
  /** Cancels the power-off that the boot script has planned. Never rejects. */
  cancelPlanned(): Promise<void>;
  /** Whether the machine is going down; null when nobody can tell. Never rejects. */
  isGoingDown(): Promise<boolean | null>;
}

/** What an agent runs on, as the agent sees it. What a machine is, and how it ends, is known nowhere else. */
export interface Host {
  /** As in the agent's configuration. */
  readonly kind: string;
  /** Rejects while the machine does not tell; asked again until it does. */
  identity(): Promise<HostIdentity>;
  watch(options: WatchRequest): InterruptionWatcher;
  readonly successors: Successors;
  readonly power: Power;
}
