import { mkdir } from 'node:fs/promises';
import { newNonce } from '@runctl/core';
import {
  type AdoptedProcess,
  NOBODY_TOLD,
  type StopProgress,
  type Supervisor,
  type Unkillable,
  type WorkloadCommand,
  type WorkloadEnded,
  type WorkloadProcess,
  type WorkloadTraits,
} from '../supervisor/supervisor.ts';
import { type ControlGroups, noControlGroups } from './control-group.ts';
import { launchWrapper } from './launch-wrapper.ts';
import { leftoversGone } from './leftovers.ts';
import { Members, NO_LEADER } from './members.ts';
import { hasTerm } from './process-table.ts';
import { StateFiles, type StartedWorkload, type StartNote } from './state-files.ts';
import { StopDelivery } from './stop-delivery.ts';
import { traitsOf } from './traits.ts';
import type { UnixSupervisorOptions } from './unix-supervisor-options.ts';

/** A wrapper that lives needs milliseconds to write its files. */
const WRAPPER_MS = 5000;
/** A leader that is gone for this long without a word lost its wrapper too (the kernel's memory killer): its code stays unknown. */
const ORPHANED_MS = 1000;
/** Of the time, for looks at the processes. */
const LOOKING_SHARE = 0.05;
/** By more than this no clock that is only slewed runs apart from the other. */
const CLOCK_STEP_MS = 500;

/** Supervises a process of this machine, below a wrapper that outlives the agent. */
export class UnixSupervisor implements Supervisor {
  readonly #options: UnixSupervisorOptions;
  readonly #files: StateFiles;
  /** The workload that was started or adopted; null when none was. */
  #current: Supervised | null = null;
  readonly #groups: ControlGroups;
  #wake = (): void => {};

  constructor(options: UnixSupervisorOptions) {
    this.#groups = options.controlGroups ?? noControlGroups;
    this.#options = options;
    this.#files = new StateFiles(options.paths);
  }

  async start(command: WorkloadCommand): Promise<WorkloadProcess> {
    await mkdir(this.#options.paths.state, { recursive: true });
    await this.forget();
    const id = newNonce();
    const checkpointFolder = command.environment['RUNCTL_CHECKPOINT_DIR'] ?? null;
    const boot = this.#options.processes.bootId();
    const { inScope } = this.#options;
    const controlGroup = inScope.length > 0 ? null : this.#groups.make(`runctl-${id}`);
    const note = { id, boot, checkpointFolder, controlGroup, clocks: this.#clocks() };
    await this.#files.noteStart(note);
    try {
      await launchWrapper(command, note, { ...this.#options, onEnd: () => this.#wake() });
    } catch (error) {
      await this.forget();
      throw error;
    }
    const workload = await this.#started(id, WRAPPER_MS);
    if (workload === null) throw new Error('the process that was to start the workload wrote nothing');
    // The group of a scope is known only now, and nobody else is in it.
    const scope = inScope.length > 0 ? this.#groups.of(workload.wrapper) : null;
    const noted = scope?.endsWith('.scope') === true ? { ...note, controlGroup: scope } : note;
    if (noted !== note) await this.#files.noteStart(noted);
    this.#current = this.#supervised(workload, noted);
    return { pid: workload.pid, id };
  }

  async adopt(): Promise<AdoptedProcess | null> {
    const note = await this.#files.startNote();
    if (note === null) return null;
    const fromWrapper = await this.#started(note.id, WRAPPER_MS / 10);
    if (fromWrapper === null) {
      const cutShort = { id: note.id, pid: NO_LEADER, wrapper: NO_LEADER, startTime: '' };
      await this.#supervised(cutShort, note).members.kill();
      await this.forget();
      return null;
    }
    // Nothing outlives a boot, and its pids are others' by now.
    const sameBoot = note.boot === null || note.boot === this.#options.processes.bootId();
    const workload = sameBoot ? fromWrapper : { ...fromWrapper, pid: NO_LEADER, wrapper: NO_LEADER };
    this.#current = this.#supervised(workload, note);
    const { stop } = this.#current;
    stop.resume();
    const startedAtMs = await this.#files.startedAtMs();
    return { pid: workload.pid, id: workload.id, stopNote: stop.record?.note ?? null, startedAtMs };
  }

  async exited(signal: AbortSignal): Promise<WorkloadEnded> {
    const current = this.#current;
    if (current === null) throw new Error('no workload was started or adopted');
    const { workload, stop } = current;
    const exit = await this.#leaderExit(current, signal);
    const leftovers = await leftoversGone(current, { ...this.#options, signal });
    // A shell can't tell death by SIGTERM from `exit 143`; whoever has a handler of its own did not die by the signal.
    const byItself = exit.signal === 'SIGTERM' && stop.record?.caught === true;
    const clockWasSet = await this.#clockWasSet(workload);
    await this.#removeGroup();
    return {
      ...exit,
      ...(byItself ? { code: 143, signal: null } : {}),
      ...(clockWasSet ? { endedAtMs: null } : {}),
      clockWasSet,
      ...leftovers,
      saversEndedAtMs: clockWasSet ? null : stop.saversEndedAtMs,
      othersWentOn: stop.othersWentOn,
    };
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL', note = '', withinMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#current === null) return;
    const { workload, members, stop } = this.#current;
    if (signal === 'SIGKILL') return members.kill();
    this.#look(this.#current);
    const masks = this.#options.processes.signalMasks(workload.pid);
    stop.begin({ caught: masks === null ? null : hasTerm(masks.caught), note, withinMs });
  }

  stopping(): StopProgress {
    return this.#current?.stop.progress ?? NOBODY_TOLD;
  }

  survivors(): readonly Unkillable[] {
    return this.#current?.members.survivors() ?? [];
  }

  async forget(): Promise<void> {
    await this.#removeGroup();
    this.#current = null;
    await this.#files.remove();
  }

  /** The wrapper is in the group until it has told how the workload ended, a moment later. */
  async #removeGroup(): Promise<void> {
    const folder = this.#current?.controlGroup ?? null;
    if (folder === null) return;
    for (let tries = 0; tries < 10 && !this.#groups.remove(folder); tries += 1) await this.#options.clock.sleep(20);
  }

  traits(): WorkloadTraits | null {
    return this.#current === null ? null : traitsOf(this.#current.members, this.#current.controlGroup);
  }

  #supervised(
    workload: StartedWorkload,
    { checkpointFolder, controlGroup }: Pick<StartNote, 'checkpointFolder' | 'controlGroup'>,
  ): Supervised {
    const { clock, log, processes } = this.#options;
    const inControlGroup = (): readonly number[] => (controlGroup === null ? [] : this.#groups.members(controlGroup));
    const members = new Members(workload, { clock, processes, inControlGroup });
    const stop = new StopDelivery({ workload, members, processes, clock, log, path: this.#files.stop });
    return { workload, checkpointFolder, controlGroup, members, stop };
  }

  /** Learns which processes there are, and which of them write checkpoints. */
  #look({ members, checkpointFolder }: Supervised): void {
    if (checkpointFolder === null) members.now();
    else members.noteWriters(checkpointFolder);
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
    current: Supervised,
    signal: AbortSignal,
  ): Promise<Pick<WorkloadEnded, 'code' | 'signal' | 'endedAtMs'>> {
    const { clock, pollMs, processes, unkillableMs } = this.#options;
    const { workload } = current;
    let lookAtMs = 0;
    let goneSinceMs: number | null = null;
    let aliveAtMs: number | null = null;
    for (;;) {
      const exit = await this.#files.exit(workload.id);
      if (exit !== null) return exit;
      if ((await processes.startTime(workload.pid)) === workload.startTime) {
        goneSinceMs = null;
        aliveAtMs = clock.wallMs();
      } else goneSinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() >= lookAtMs) {
        const sinceMs = clock.monotonicMs();
        this.#look(current);
        lookAtMs = clock.monotonicMs() + Math.max(pollMs, (clock.monotonicMs() - sinceMs) / LOOKING_SHARE);
      }
      if (current.members.areKilledFor(unkillableMs)) return { code: null, signal: null, endedAtMs: null };
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
}

/** One workload, and what is known and done about its processes. */
interface Supervised {
  readonly workload: StartedWorkload;
  readonly checkpointFolder: string | null;
  /** The folder of the control group that it alone is in; null where it has none. */
  readonly controlGroup: string | null;
  readonly members: Members;
  readonly stop: StopDelivery;
}
