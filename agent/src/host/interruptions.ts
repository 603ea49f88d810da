import type { Clock, Log } from '@runctl/core';

/** A notice that the machine is taken, latched at its first sight. Times are monotonic. */
export interface Notice {
  readonly action: string;
  readonly firstSeenMs: number;
  /** From first sight to when the machine goes, by the notice and the clock of the side that gave it. */
  readonly windowMs: number;
  /** What everything is counted back from: the window's end less a margin. */
  readonly deadlineMs: number;
}

export interface WatchTiming {
  readonly noticePollMs: number;
  /** Longest window, and the one assumed when the notice's time can't be read. */
  readonly noticeMs: number;
  readonly deadlineMarginMs: number;
}

export interface InterruptionEvents {
  /** Once per notice, whatever its time says later. */
  onNotice(notice: Notice): void;
  /** Once each time that the machine becomes likelier to be taken. `what` is for people. */
  onRisk(what: string): void;
  /** Once per scheduled event that is still to come. `what` is for people. */
  onScheduledEvent(what: string): void;
}

export interface WatchRequest {
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: WatchTiming;
  readonly events: InterruptionEvents;
  /** What `outlive` gave to an earlier agent on this machine. */
  readonly outlived: string | null;
}

export interface InterruptionWatcher {
  /** Looks once. Never rejects: trouble with the look is neither a notice nor fatal. */
  look(): Promise<void>;
  /** Looks every `noticePollMs` until the signal fires; resolves at once where nothing is ever announced. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Discards the notice that is shown: the machine outlived it, and only another one counts from here on. Resolves with
   * what was shown, for a later agent's watch. Never rejects.
   */
  outlive(): Promise<string | null>;
}
