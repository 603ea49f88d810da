import { command, formatDuration, RunctlError, type Hint } from '@runctl/core';
import type { BootFailure, Timing } from '@runctl/protocol';
import type { RentedMachine } from '@runctl/provider';
import { isLiving } from '../run/liveness.ts';
import type { UnheardCost } from '../run/unheard.ts';

type BootReport = Pick<BootFailure, 'stage' | 'message'>;

/** How much of machines whose agent never speaks a watcher lets pass. */
export interface FirstBootLimits {
  readonly machines: number;
  readonly runningMs: number;
}

export function firstBootLimits({ silentMs }: Pick<Timing, 'silentMs'>): FirstBootLimits {
  return { machines: 3, runningMs: silentMs };
}

/** What has been seen of the machines of a launch while no agent spoke. Begin with `nothingBooted`. */
export interface FirstBootState {
  /** Time in which a machine ran. Waiting for one does not count. */
  readonly runningMs: number;
  readonly look: { readonly atMs: number; readonly runs: boolean } | null;
  /** Machines that are gone, and had the time to say a word. */
  readonly silent: readonly RentedMachine[];
}

export const nothingBooted: FirstBootState = { runningMs: 0, look: null, silent: [] };

/** Machines that a provider had no room for say nothing of whether the next one could speak. */
const NO_ROOM: ReadonlySet<string> = new Set(['taken-back', 'no-capacity']);

/** The state after a look at all machines of the launch. Pure; `atMs` is monotonic. */
export function afterLook(state: FirstBootState, machines: readonly RentedMachine[], atMs: number): FirstBootState {
  const ranMs = state.look?.runs === true ? Math.max(0, atMs - state.look.atMs) : 0;
  return {
    runningMs: state.runningMs + ranMs,
    look: { atMs, runs: machines.some((machine) => machine.state === 'running') },
    silent: machines.filter((machine) => !isLiving(machine) && !NO_ROOM.has(machine.endCause?.kind ?? '')),
  };
}

/** Why nothing can be expected of the launch any more; null while it can. Pure. */
export function silence(
  { runningMs, silent }: FirstBootState,
  {
    boots,
    limits,
    run,
  }: { readonly boots: readonly BootReport[]; readonly limits: FirstBootLimits; readonly run: string },
): RunctlError | null {
  const tooMany = silent.length >= limits.machines;
  if (!tooMany && runningMs < limits.runningMs) return null;
  const what = tooMany
    ? `${silent.length} machines ended before an agent spoke`
    : `machines ran for ${formatDuration(runningMs)}, and no agent spoke`;
  const lastBoot = boots.at(-1);
  const reports = lastBoot === undefined ? '' : `; the last report says, at "${lastBoot.stage}": ${lastBoot.message}`;
  const hints = silent.flatMap(({ endCause }) => endCause?.hint ?? []);
  return new RunctlError('boot-failed', `${what}${endsText(silent)}${reports}`, {
    hint: hintOf(run, hints[0]),
    details: { silent: true },
  });
}

/** What becomes of a launch of which nothing is left and from which nobody ever heard. Pure. */
function nobodyLeft(silent: readonly RentedMachine[], boots: readonly BootReport[], run: string): RunctlError {
  const lastBoot = boots.at(-1);
  const what =
    lastBoot === undefined
      ? 'no machine got as far as an agent that speaks'
      : `no machine got as far as the agent; the last failed at "${lastBoot.stage}": ${lastBoot.message}`;
  const hints = silent.flatMap(({ endCause }) => endCause?.hint ?? []);
  return new RunctlError('boot-failed', `${what}; no more machines will come${endsText(silent)}`, {
    hint: hintOf(run, hints[0]),
    details: { silent: true },
  });
}

function endsText(silent: readonly RentedMachine[]): string {
  if (silent.length === 0) return '';
  const texts = silent.map(({ machineId, endCause, endReason }) => {
    const why = endCause?.text ?? endReason;
    return why === null ? machineId : `${machineId}: ${why}`;
  });
  return ` (${texts.join('; ')})`;
}

function hintOf(run: string, ofProvider: string | undefined): Hint {
  const usual =
    "as a rule the machine's role lacks rights on the bucket, or its network a way out (docs/aws-account.md)";
  return [`${ofProvider ?? usual}; mend it, then `, command('resume', run)];
}

/** Whether an error is that of `silence`. */
export function isSilence(error: unknown): error is RunctlError {
  return error instanceof RunctlError && error.details['silent'] === true;
}

/** Watches whether the first agent of a launch speaks. One for each launch that is watched, whoever watches it. */
export class FirstBoot {
  readonly #ends: boolean;
  #state = nothingBooted;
  #isHeard = false;
  #hasMachine = false;
  /** What it may cost from now on when nobody watches; null before its documents were read. */
  cost: UnheardCost | null = null;

  /** `ends`: whether a launch that never speaks is to be ended, or only watched. */
  constructor({ ends }: { readonly ends: boolean }) {
    this.#ends = ends;
  }

  get isHeard(): boolean {
    return this.#isHeard;
  }

  get hasMachine(): boolean {
    return this.#hasMachine;
  }

  hear(): void {
    this.#isHeard = true;
  }

  /** Why a launch that has no machines any more, and will get none, failed; null where an agent spoke, or none ever booted. */
  ofEnd(boots: readonly BootReport[], run: string): RunctlError | null {
    return this.#isHeard || !this.#hasMachine ? null : nobodyLeft(this.#state.silent, boots, run);
  }

  /** Takes all machines of the launch as the provider shows them. Errors: that of `silence`. */
  look(
    machines: readonly RentedMachine[],
    at: {
      readonly atMs: number;
      readonly boots: readonly BootReport[];
      readonly run: string;
      readonly timing: Pick<Timing, 'silentMs'>;
    },
  ): void {
    this.#hasMachine ||= machines.length > 0;
    this.#state = afterLook(this.#state, machines, at.atMs);
    if (!this.#ends || this.#isHeard) return;
    const error = silence(this.#state, { ...at, limits: firstBootLimits(at.timing) });
    if (error !== null) throw error;
  }
}
