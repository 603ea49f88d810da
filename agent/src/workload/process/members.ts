import { realpathSync } from 'node:fs';
import type { Clock } from '@runctl/core';
import { isRank } from './kinship.ts';
import {
  hasTerm,
  type LivingProcess,
  type ProcessIdentity,
  type ProcessStat,
  type ProcessTable,
  type SignalMasks,
} from './process-table.ts';
import type { Unkillable } from '../supervisor/supervisor.ts';
import { hasMark, isProven, isWithLeader } from './proof.ts';
import type { StopCandidate } from './recipients.ts';
import type { StartedWorkload } from './state-files.ts';

/** The leader of a workload whose leader is not known. No process has it as group or session. */
export const NO_LEADER = -1;
/** Gives up on processes that hang in the kernel. */
const KILL_PASSES = 20;
/** Whoever still blocks SIGTERM at the last of these looks waits for it. */
const BLOCKED_LOOKS = 10;
const BLOCKED_LOOK_MS = 5;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export interface MembersOptions {
  readonly clock: Clock;
  readonly processes: ProcessTable;
  /** The pids in the workload's control group; none where it has no group. */
  readonly inControlGroup: () => readonly number[];
}

/** A process of the workload, with what decides about its SIGTERM. */
export type Member = StopCandidate & ProcessIdentity;

/**
 * Finds the processes of one workload, remembers them, and signals them. A process counts that bears the workload's mark,
 * is in its leader's group or session or in its control group, or was seen below one that counts.
 */
export class Members {
  readonly #clock: Clock;
  readonly #processes: ProcessTable;
  readonly #workload: StartedWorkload;
  readonly #recorded = new Set<string>();
  /** Those that were looked into and are not the workload's. */
  #strangers = new Set<string>();
  readonly #writers = new Set<string>();
  /** Those that were seen to block SIGTERM all the time. */
  readonly #waitingForTerm = new Set<string>();
  /** Monotonic: since when they are being killed. */
  #killedMs: number | null = null;
  readonly #inControlGroup: () => readonly number[];

  constructor(workload: StartedWorkload, { clock, processes, inControlGroup }: MembersOptions) {
    this.#workload = workload;
    this.#inControlGroup = inControlGroup;
    this.#clock = clock;
    this.#processes = processes;
  }

  /** All living processes of the workload, its wrapper excepted; null where this machine can't list them. Records them. */
  now(): readonly ProcessStat[] | null {
    const all = this.#processes.stats();
    if (all === null) return null;
    const { pid: leaderPid, wrapper } = this.#workload;
    const leader = all.find(({ pid }) => pid === leaderPid);
    const inGroup = new Set(this.#inControlGroup());
    const strangers = new Set<string>();
    const found = new Set<number>();
    const children = Map.groupBy(all, ({ parent }) => parent);
    const add = (one: ProcessStat): void => {
      const isWrapper = one.pid === wrapper || (one.parent === wrapper && one.pid !== leaderPid);
      if (found.has(one.pid) || isWrapper) return;
      found.add(one.pid);
      this.#recorded.add(keyOf(one));
      children.get(one.pid)?.forEach(add);
    };
    for (const one of all) {
      if (found.has(one.pid)) continue;
      if (inGroup.has(one.pid) || this.#counts(one, leader?.startTime ?? null)) add(one);
      else strangers.add(keyOf(one));
    }
    this.#strangers = strangers;
    return all.filter(({ pid }) => found.has(pid));
  }

  /** Like `now`, with what decides about their SIGTERM. */
  candidates(): readonly Member[] | null {
    const found = this.now()?.flatMap(({ pid }) => this.#processes.living(pid) ?? []);
    return found?.map((each) => this.#candidate(each)) ?? null;
  }

  /** The words of a process, for people; empty when it is gone. */
  commandOf({ pid }: ProcessIdentity): string {
    return this.#processes.living(pid)?.command.replaceAll('\0', ' ').trim() ?? '';
  }

  /** Those that live, for people. */
  survivors(): readonly Unkillable[] {
    const found = this.now() ?? [];
    return found.map((each) => ({
      pid: each.pid,
      command: this.commandOf(each),
      state: this.#processes.state(each.pid),
    }));
  }

  /** Path of the program that a process executes; null where that can't be known. */
  programOf({ pid }: { readonly pid: number }): string | null {
    return this.#processes.program(pid);
  }

  /** Remembers which of them have a file below the folder open for writing. */
  noteWriters(folder: string): void {
    const path = realPathOf(folder);
    if (path === null) return;
    for (const each of this.now() ?? [])
      if (this.#processes.writesBelow(path, each.pid)) this.#writers.add(keyOf(each));
  }

  /** Sends a signal to a process that is proven to be the workload's; without effect on any other, and on one that is gone. */
  send(target: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
    const isTarget = isProven(target, {
      workload: this.#workload,
      now: this.#processes.living(target.pid),
      leaderStartTime: this.#processes.living(this.#workload.pid)?.startTime ?? null,
      isRecorded: this.#recorded.has(keyOf(target)),
    });
    if (isTarget) sendSignal(target.pid, signal);
  }

  /** Whether they have been killed for as long as this. */
  areKilledFor(ms: number): boolean {
    return this.#killedMs !== null && this.#clock.monotonicMs() - this.#killedMs >= ms;
  }

  /** Kills them until none is left. Never rejects. */
  async kill(): Promise<void> {
    this.#killedMs ??= this.#clock.monotonicMs();
    for (let pass = 0; pass < KILL_PASSES; pass++) {
      const members = this.now();
      if (members === null) this.signalGroup('SIGKILL');
      if (members === null || members.length === 0) return;
      for (const each of members) this.send(each, 'SIGKILL');
      await this.#clock.sleep(10);
    }
  }

  /** Kills those who can't be saving: they catch no SIGTERM and were never seen writing a checkpoint. */
  killHelpless(): void {
    for (const each of this.candidates() ?? []) if (!each.catchesTerm && !each.hasWritten) this.send(each, 'SIGKILL');
  }

  /** Signals the leader's group, where processes can't be listed. A group whose leader is gone keeps its number from others. */
  signalGroup(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#workload.pid !== NO_LEADER) sendSignal(-this.#workload.pid, signal);
  }

  #counts(one: ProcessStat, leaderStartTime: string | null): boolean {
    const key = keyOf(one);
    if (this.#recorded.has(key) || isWithLeader(one, this.#workload, leaderStartTime)) return true;
    if (this.#strangers.has(key)) return false;
    const living = this.#processes.living(one.pid);
    return living !== null && hasMark(living, this.#workload.id);
  }

  /**
   * Whether SIGTERM is blocked for a thread that waits for it. A shell blocks all signals, too, for the moment in which it
   * starts a program (dash 0.5.12): only who goes on blocking counts.
   */
  #waitsForTerm(process: ProcessIdentity, masks: SignalMasks): boolean {
    if (!hasTerm(masks.blocked)) return false;
    const key = keyOf(process);
    if (this.#waitingForTerm.has(key)) return true;
    for (let look = 0; look < BLOCKED_LOOKS; look++) {
      Atomics.wait(NEVER, 0, 0, BLOCKED_LOOK_MS);
      const now = this.#processes.signalMasks(process.pid);
      if (now === null || !hasTerm(now.blocked)) return false;
    }
    this.#waitingForTerm.add(key);
    return true;
  }

  #candidate(living: LivingProcess): Member {
    const { pid, startTime, parent, command } = living;
    const masks = this.#processes.signalMasks(pid);
    const catchesTerm = masks !== null && (hasTerm(masks.caught) || this.#waitsForTerm(living, masks));
    const ignoresTerm = masks !== null && !catchesTerm && hasTerm(masks.ignored);
    const hasWritten = this.#writers.has(keyOf(living));
    return {
      pid,
      startTime,
      parent,
      command,
      catchesTerm,
      ignoresTerm,
      isRank: isRank(living),
      hasWritten,
      readsPipe: this.#processes.readsPipe(pid),
    };
  }
}

const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`;

function realPathOf(folder: string): string | null {
  try {
    return realpathSync(folder);
  } catch {
    return null; // the script has not made it yet
  }
}

/** Sends a signal to a process, or to the group `-pid`; one that is gone is no error. */
function sendSignal(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
}
