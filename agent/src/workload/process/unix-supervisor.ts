import { spawn } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { newNonce, type Clock, type Log } from '@runctl/core';
import type { AgentPaths } from '@runctl/protocol';
import type {
  AdoptedProcess,
  Supervisor,
  WorkloadCommand,
  WorkloadEnded,
  WorkloadProcess,
} from '../supervisor/supervisor.ts';
import { Members, NO_LEADER, sendSignal } from './members.ts';
import type { ProcessTable } from './process-table.ts';
import { StateFiles, type StartedWorkload } from './state-files.ts';
import { StopDelivery } from './stop-delivery.ts';
import { wrapperScript } from './wrapper.ts';

export interface UnixSupervisorOptions {
  readonly paths: Pick<AgentPaths, 'state' | 'pid' | 'exit' | 'log'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly processes: ProcessTable;
  /** Put before the command: drops to the ordinary user. */
  readonly asUser: readonly string[];
  /** Put before the wrapper: gives it a scope of its own under systemd. */
  readonly inScope: readonly string[];
  /** Time for the processes that an ended leader left behind. */
  readonly leftoverMs: number;
  /** How often an end is looked for that no event announces. */
  readonly pollMs: number;
}

/** A wrapper that lives needs milliseconds to write its files. */
const WRAPPER_MS = 5000;
/** A leader that is gone for this long without a word lost its wrapper too (the kernel's memory killer): its code stays unknown. */
const ORPHANED_MS = 1000;
const LEFTOVER_POLL_MS = 50;
/** By more than this no clock that is only slewed runs apart from the other. */
const CLOCK_STEP_MS = 500;

/** Supervises a process of this machine, below a wrapper that outlives the agent. */
export class UnixSupervisor implements Supervisor {
  readonly #options: UnixSupervisorOptions;
  readonly #files: StateFiles;
  readonly #members: Members;
  /** The workload that was started or adopted; null when none was. */
  #workload: StartedWorkload | null = null;
  /** Its record is there while a stop is under way: the end is the caller's to decide then. */
  #stop: StopDelivery;
  #wake = (): void => {};

  constructor(options: UnixSupervisorOptions) {
    this.#options = options;
    this.#files = new StateFiles(options.paths);
    this.#members = new Members(options);
    this.#stop = this.#newStop();
  }

  async start(command: WorkloadCommand): Promise<WorkloadProcess> {
    await mkdir(this.#options.paths.state, { recursive: true });
    await this.forget();
    const id = newNonce();
    await this.#files.noteStart({ id, boot: this.#options.processes.bootId(), clocks: this.#clocks() });
    try {
      await this.#launch(command, id);
    } catch (error) {
      await this.forget();
      throw error;
    }
    const workload = await this.#started(id, WRAPPER_MS);
    if (workload === null) throw new Error('the process that was to start the workload wrote nothing');
    this.#workload = workload;
    return { pid: workload.pid, id };
  }

  async adopt(): Promise<AdoptedProcess | null> {
    const note = await this.#files.startNote();
    if (note === null) return null;
    const fromWrapper = await this.#started(note.id, WRAPPER_MS / 10);
    if (fromWrapper === null) {
      await this.#members.kill({ id: note.id, pid: NO_LEADER, wrapper: NO_LEADER, startTime: '' });
      await this.forget();
      return null;
    }
    // Nothing outlives a boot, and its pids are others' by now.
    const sameBoot = note.boot === null || note.boot === this.#options.processes.bootId();
    const workload = sameBoot ? fromWrapper : { ...fromWrapper, pid: NO_LEADER, wrapper: NO_LEADER };
    this.#workload = workload;
    this.#stop.resume(workload);
    const startedAtMs = await this.#files.startedAtMs();
    return { pid: workload.pid, id: workload.id, stopNote: this.#stop.record?.note ?? null, startedAtMs };
  }

  async exited(signal: AbortSignal): Promise<WorkloadEnded> {
    const workload = this.#workload;
    if (workload === null) throw new Error('no workload was started or adopted');
    const exit = await this.#leaderExit(workload, signal);
    const leftovers = await this.#leftoversGone(workload, signal);
    // A shell can't tell death by SIGTERM from `exit 143`; whoever has a handler of its own did not die by the signal.
    const byItself = exit.signal === 'SIGTERM' && this.#stop.record?.caught === true;
    const clockWasSet = await this.#clockWasSet(workload);
    return {
      ...exit,
      ...(byItself ? { code: 143, signal: null } : {}),
      ...(clockWasSet ? { endedAtMs: null } : {}),
      clockWasSet,
      leftovers,
    };
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL', note = ''): Promise<void> {
    const workload = this.#workload;
    if (workload === null) return;
    if (signal === 'SIGKILL') return this.#members.kill(workload);
    this.#stop.begin(workload, { caught: this.#options.processes.catchesTerm(workload.pid), note });
  }

  async forget(): Promise<void> {
    this.#workload = null;
    this.#stop = this.#newStop();
    await this.#files.remove();
  }

  #newStop(): StopDelivery {
    const { clock, log } = this.#options;
    return new StopDelivery({ members: this.#members, clock, log, path: this.#files.stop });
  }

  #clocks(): { readonly wallMs: number; readonly uptimeMs: number } | null {
    const uptimeMs = this.#options.processes.uptimeMs();
    return uptimeMs === null ? null : { wallMs: this.#options.clock.wallMs(), uptimeMs };
  }

  /** Files bear the time of a clock that was set since the start, so how old they were at the end nobody can tell. */
  async #clockWasSet({ id }: StartedWorkload): Promise<boolean> {
    const note = await this.#files.startNote();
    const [before, now] = [note?.clocks ?? null, this.#clocks()];
    if (note?.id !== id || before === null || now === null) return false;
    if (note.boot !== this.#options.processes.bootId()) return false;
    const stepMs = now.wallMs - before.wallMs - (now.uptimeMs - before.uptimeMs);
    if (Math.abs(stepMs) <= CLOCK_STEP_MS) return false;
    this.#options.log.warn({ stepMs: Math.round(stepMs) }, "the machine's clock was set while the workload ran");
    return true;
  }

  /**
   * By Node's own spawn: the child is to outlive the agent, in a session of its own and with a file for its output. A
   * library for child processes would add what must not happen here (it ends children with their parent, pipes and
   * buffers their output), and would stay in the agent's memory for one start a life.
   */
  async #launch(command: WorkloadCommand, id: string): Promise<void> {
    const { paths, inScope, asUser } = this.#options;
    const wrapper = [...inScope, '/bin/sh', '-c', wrapperScript, 'runctl-workload', paths.state, id];
    const [file = '/bin/sh', ...rest] = [...wrapper, ...asUser, ...command.command];
    const output = await open(paths.log, 'a', 0o644);
    try {
      const child = spawn(file, rest, {
        cwd: command.folder,
        env: command.environment,
        detached: true,
        stdio: ['ignore', output.fd, output.fd],
      });
      child.on('exit', () => this.#wake());
      child.unref();
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    } finally {
      await output.close();
    }
  }

  async #started(id: string, withinMs: number): Promise<StartedWorkload | null> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + withinMs;
    for (;;) {
      const workload = await this.#files.started(id);
      if (workload !== null || clock.monotonicMs() >= untilMs) return workload;
      await clock.sleep(5);
    }
  }

  async #leaderExit(
    workload: StartedWorkload,
    signal: AbortSignal,
  ): Promise<Omit<WorkloadEnded, 'leftovers' | 'clockWasSet'>> {
    const { clock, pollMs, processes } = this.#options;
    let goneSinceMs: number | null = null;
    let aliveAtMs: number | null = null;
    for (;;) {
      const exit = await this.#files.exit(workload.id);
      if (exit !== null) return exit;
      if ((await processes.startTime(workload.pid)) === workload.startTime) {
        goneSinceMs = null;
        aliveAtMs = clock.wallMs();
      } else goneSinceMs ??= clock.monotonicMs();
      if (goneSinceMs !== null && clock.monotonicMs() - goneSinceMs > (await this.#patience(workload)))
        return { code: null, signal: null, endedAtMs: aliveAtMs };
      await this.#pause(goneSinceMs === null ? pollMs : 20, signal);
    }
  }

  /** A wrapper that lives on a busy machine will still tell. */
  async #patience({ wrapper }: StartedWorkload): Promise<number> {
    return (await this.#options.processes.startTime(wrapper)) === null ? ORPHANED_MS : WRAPPER_MS;
  }

  /** Sleeps, or is woken by the end of the wrapper where that is this agent's child. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch((error: unknown) => {
      if (signal.aborted) throw error;
    });
  }

  async #leftoversGone(workload: StartedWorkload, signal: AbortSignal): Promise<number> {
    const { clock, leftoverMs } = this.#options;
    const sinceMs = clock.monotonicMs();
    let most = 0;
    for (;;) {
      const leftovers = this.#members.of(workload);
      if (leftovers === null) sendSignal(-workload.pid, 'SIGTERM');
      if (leftovers === null || leftovers.length === 0) return most;
      most = Math.max(most, leftovers.length);
      this.#stop.sendOnce(leftovers);
      if (this.#stop.record === null && clock.monotonicMs() - sinceMs >= leftoverMs) await this.#members.kill(workload);
      await clock.sleep(LEFTOVER_POLL_MS, signal);
    }
  }
}
