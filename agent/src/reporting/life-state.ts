import type { Clock } from '@runctl/core';
import type { AttemptPhase, AttemptStatus } from '@runctl/protocol';
import type { WorkloadExit } from '../lifecycle/model.ts';
import type { Interpreter } from '../workload/interpreter/interpreter.ts';
import { WorkloadView } from './workload-view.ts';

export interface StandingNotice {
  readonly action: string;
  /** Monotonic. */
  readonly deadlineMs: number;
}

/** Holds what the agent is doing, for the heartbeat. Many parts change it, one reads it. */
export class LifeState {
  readonly #clock: Clock;
  #phase: AttemptPhase = 'waiting';
  #phaseSinceMs: number;
  #onChange: () => void = () => {};
  #warnings: string[] = [];
  doing = 'starting';
  pid: number | null = null;
  readonly workload = new WorkloadView();
  /** What runs the workload's code; null while that is not known. */
  interpreter: Interpreter | null = null;
  notice: StandingNotice | null = null;
  generation: number | null = null;
  /** Wall time since when the workload does work that nothing has saved; null while it does none. */
  workingSinceMs: number | null = null;
  /** The step of the training when it was read last. */
  lastStep: number | null = null;
  savedFor: AttemptStatus['savedFor'] = null;
  /** How a workload saves that was told to stop while nothing presses. */
  stopping: AttemptStatus['stopping'] = null;
  output: AttemptStatus['output'] = null;
  lastExit: WorkloadExit | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#phaseSinceMs = clock.wallMs();
  }

  /** Called with every change of phase. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Something worth telling changed. */
  touch(): void {
    this.#onChange();
  }

  get phase(): AttemptPhase {
    return this.#phase;
  }

  get phaseSinceMs(): number {
    return this.#phaseSinceMs;
  }

  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** `doing` in the present continuous, for people. */
  enter(phase: AttemptPhase, doing: string): void {
    const changed = phase !== this.#phase || doing !== this.doing;
    if (phase !== this.#phase) this.#phaseSinceMs = this.#clock.wallMs();
    this.#phase = phase;
    this.doing = doing;
    if (changed) this.#onChange();
  }

  /** Each warning once; the newest are kept. */
  warn(message: string): void {
    if (this.#warnings.includes(message)) return;
    this.#warnings = [...this.#warnings, message].slice(-20);
    this.#onChange();
  }
}
