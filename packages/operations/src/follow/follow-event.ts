import type { CloudInstance, FleetEvent } from '@runctl/provider';
import type {
  AttemptNotice,
  AttemptOutcome,
  AttemptStarted,
  AttemptStatus,
  BootFailure,
  DrainReport,
  Fit,
  LaunchOutcome,
} from '@runctl/protocol';
import type { LogEvent } from '../log/log-reader.ts';

interface OfLife {
  readonly generation: number;
  readonly node: number;
}

/** What somebody who watches a run gets to see, in order. Bytes of the log come as they are. */
export type FollowEvent =
  | { readonly type: 'fleet-event'; readonly event: FleetEvent }
  | { readonly type: 'instance'; readonly instance: CloudInstance; readonly pricePerHourUsd: number | null }
  | { readonly type: 'instance-ended'; readonly instance: CloudInstance }
  | { readonly type: 'boot-failed'; readonly failure: BootFailure }
  | ({
      readonly type: 'phase';
      readonly phase: AttemptStatus['phase'];
      readonly doing: string;
      readonly machineId: string;
    } & OfLife)
  | ({ readonly type: 'attempt'; readonly attempt: number; readonly started: AttemptStarted } & OfLife)
  | ({ readonly type: 'notice'; readonly notice: AttemptNotice } & OfLife)
  | ({ readonly type: 'drained'; readonly drain: DrainReport } & OfLife)
  | ({ readonly type: 'attempt-ended'; readonly attempt: number; readonly outcome: AttemptOutcome } & OfLife)
  /** The next life has begun, and this one never said how it ended. */
  | ({ readonly type: 'attempt-lost'; readonly attempt: number; readonly lastStep: number | null } & OfLife)
  | ({ readonly type: 'warning'; readonly text: string } & OfLife)
  /** It is known now whether the last save fits into a notice, or it does not any more. */
  | ({ readonly type: 'fit'; readonly fit: Fit } & OfLife)
  | ({ readonly type: 'silent'; readonly silentMs: number } & OfLife)
  /** What the agent said of itself just now. */
  | { readonly type: 'status'; readonly status: AttemptStatus }
  | { readonly type: 'durable'; readonly generation: number; readonly step: number | null }
  | { readonly type: 'on-demand'; readonly waitedMs: number }
  /** The fleet is gone and nobody wrote how the launch ended. */
  | { readonly type: 'fleet-gone'; readonly state: string | null }
  | { readonly type: 'outcome'; readonly outcome: LaunchOutcome }
  | LogEvent;
