import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { messageOf, newNonce, type Clock, type Log } from '@runctl/core';
import type { AgentPaths } from '@runctl/protocol';
import * as z from 'zod';
import type { ProcessSeen, ProcessTable } from './process-table.ts';
import { firstRecipients, isRank, membersOf } from './recipients.ts';
import type { AdoptedProcess, Supervisor, WorkloadCommand, WorkloadEnded, WorkloadProcess } from '../supervisor/supervisor.ts';
import { keepTold, readTold, type Told } from './told.ts';
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
  /** Time for what an ended leader left behind. */
  readonly leftoverMs: number;
  /** How often an end is looked for that no event announces. */
  readonly pollMs: number;
}

const pidFile = z.object({ pid: z.number().int(), startTime: z.string(), wrapper: z.number().int(), id: z.string() });
const exitFile = z.object({ code: z.number().int().nullable(), signal: z.string().nullable(), id: z.string() });
/** Written before the wrapper starts, so that a start that was cut short can be swept. */
const startFile = z.object({
  id: z.string(),
  boot: z.string().nullable().default(null),
  /** What both clocks showed then. */
  clocks: z.object({ wallMs: z.number(), uptimeMs: z.number() }).nullable().default(null),
});
type Mark = z.output<typeof pidFile>;

/** A wrapper that lives needs milliseconds to write its files. */
const WRAPPER_MS = 5000;
/** Gives up on processes that hang in the kernel. */
const KILL_PASSES = 20;
/** A leader that is gone for this long without a word lost its wrapper too (the kernel's memory killer): nobody will tell the code. */
const ORPHANED_MS = 1000;
const LEFTOVER_POLL_MS = 50;
/** By more than this no clock that is only slewed runs apart from the other. */
const CLOCK_STEP_MS = 500;

export class UnixSupervisor implements Supervisor {
  readonly #options: UnixSupervisorOptions;
  readonly #startPath: string;
  readonly #toldPath: string;
  #mark: Mark | null = null;
  /** A stop is under way: its end is the caller's to decide. */
  #told: Told | null = null;
  /** Pids that nobody tells again. */
  #heard = new Set<number>();
  #wake = (): void => {};

  constructor(options: UnixSupervisorOptions) {
    this.#options = options;
    this.#startPath = `${options.paths.state}/training.start`;
    this.#toldPath = `${options.paths.state}/training.told`;
  }

  async start(command: WorkloadCommand): Promise<WorkloadProcess> {
    await mkdir(this.#options.paths.state, { recursive: true });
    await this.forget();
    const id = newNonce();
    const boot = this.#options.processes.bootId();
    await writeWhole(this.#startPath, `${JSON.stringify({ id, boot, clocks: this.#clocks() })}\n`);
    try {
      await this.#launch(command, id);
    } catch (error) {
      await this.forget();
      throw error;
    }
    const mark = await this.#readMark(id, WRAPPER_MS);
    if (mark === null) throw new Error('the process that was to start the workload wrote nothing');
    this.#mark = mark;
    return { pid: mark.pid, id };
  }

  async adopt(): Promise<AdoptedProcess | null> {
    const begun = await readJson(this.#startPath, startFile);
    if (begun === null) return null;
    const written = await this.#readMark(begun.id, WRAPPER_MS / 10);
    if (written !== null) {
      // Nothing outlives a boot, and its pids are others' by now.
      const sameBoot = begun.boot === null || begun.boot === this.#options.processes.bootId();
      const mark = sameBoot ? written : { ...written, pid: NO_LEADER, wrapper: NO_LEADER };
      this.#mark = mark;
      this.#told = readTold(this.#toldPath, mark.id);
      if (this.#told !== null) this.#tellStop(mark, this.#told);
      const { mtimeMs: startedAtMs } = await stat(this.#options.paths.pid);
      return { pid: mark.pid, id: mark.id, told: this.#told?.note ?? null, startedAtMs };
    }
    await this.#killMembers({ id: begun.id, pid: NO_LEADER, wrapper: NO_LEADER, startTime: '' });
    await this.forget();
    return null;
  }

  async exited(signal: AbortSignal): Promise<WorkloadEnded> {
    const mark = this.#mark;
    if (mark === null) throw new Error('no workload was started or adopted');
    const exit = await this.#leaderExit(mark, signal);
    const leftovers = await this.#leftoversGone(mark, signal);
    // A shell can't tell death by SIGTERM from `exit 143`; whoever has a handler of its own did not die by the signal.
    const byItself = exit.signal === 'SIGTERM' && this.#told?.caught === true;
    const clockWasSet = await this.#clockWasSet(mark);
    return {
      ...exit,
      ...(byItself ? { code: 143, signal: null } : {}),
      ...(clockWasSet ? { endedAtMs: null } : {}),
      clockWasSet,
      leftovers,
    };
  }

  async signal(signal: 'SIGTERM' | 'SIGKILL', note = ''): Promise<void> {
    const mark = this.#mark;
    if (mark === null) return;
    if (signal === 'SIGKILL') return this.#killMembers(mark);
    if (this.#told !== null) return;
    const caught = this.#options.processes.catchesTerm(mark.pid);
    this.#tellStop(mark, this.#keep({ id: mark.id, caught, ranks: false, pids: [], note }));
  }

  async forget(): Promise<void> {
    const { paths } = this.#options;
    this.#mark = null;
    this.#told = null;
    this.#heard = new Set();
    await Promise.all(
      [this.#startPath, this.#toldPath, paths.pid, paths.exit].map((path) => rm(path, { force: true })),
    );
  }

  #clocks(): { readonly wallMs: number; readonly uptimeMs: number } | null {
    const uptimeMs = this.#options.processes.uptimeMs();
    return uptimeMs === null ? null : { wallMs: this.#options.clock.wallMs(), uptimeMs };
  }

  /** Files bear the time of a clock that was set since the start, so how old they were at the end nobody can tell. */
  async #clockWasSet(mark: Mark): Promise<boolean> {
    const begun = await readJson(this.#startPath, startFile);
    const [before, now] = [begun?.clocks ?? null, this.#clocks()];
    if (begun?.id !== mark.id || before === null || now === null) return false;
    if (begun.boot !== this.#options.processes.bootId()) return false;
    const stepMs = now.wallMs - before.wallMs - (now.uptimeMs - before.uptimeMs);
    if (Math.abs(stepMs) <= CLOCK_STEP_MS) return false;
    this.#options.log.warn({ stepMs: Math.round(stepMs) }, "the machine's clock was set while the workload ran");
    return true;
  }

  #keep(told: Told): Told {
    this.#told = told;
    try {
      keepTold(this.#toldPath, told);
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'that the workload was told to stop could not be noted');
    }
    return told;
  }

  #tellFirst(mark: Mark, told: Told): Told {
    const members = this.#members(mark);
    if (members === null) send(-mark.pid, 'SIGTERM');
    const first = firstRecipients(members ?? []);
    this.#tell(first);
    const pids = members === null ? [mark.pid] : first.map(({ pid }) => pid);
    return this.#keep({ ...told, ranks: first.some(isRank), pids });
  }

  /** From the start, or from where an agent that died had come to. */
  #tellStop(mark: Mark, before: Told): void {
    for (const pid of before.pids) this.#heard.add(pid);
    const told = before.pids.length > 0 ? before : this.#tellFirst(mark, before);
    if (!told.ranks) return;
    this.#tellLauncherAfter(mark, new Set(told.pids)).catch((error: unknown) =>
      this.#options.log.warn({ error: messageOf(error) }, 'the launcher could not be told to stop'),
    );
  }

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

  async #readMark(id: string, withinMs: number): Promise<Mark | null> {
    const { clock, paths } = this.#options;
    const untilMs = clock.monotonicMs() + withinMs;
    for (;;) {
      const mark = await readJson(paths.pid, pidFile);
      if (mark?.id === id) return mark;
      if (clock.monotonicMs() >= untilMs) return null;
      await clock.sleep(5);
    }
  }

  async #leaderExit(mark: Mark, signal: AbortSignal): Promise<Omit<WorkloadEnded, 'leftovers' | 'clockWasSet'>> {
    const { clock, paths, pollMs, processes } = this.#options;
    let goneSinceMs: number | null = null;
    let seenAliveMs: number | null = null;
    for (;;) {
      const exit = await readJson(paths.exit, exitFile);
      if (exit?.id === mark.id)
        return { code: exit.code, signal: exit.signal, endedAtMs: (await stat(paths.exit)).mtimeMs };
      if ((await processes.startTime(mark.pid)) === mark.startTime) {
        goneSinceMs = null;
        seenAliveMs = clock.wallMs();
      } else goneSinceMs ??= clock.monotonicMs();
      if (goneSinceMs !== null && clock.monotonicMs() - goneSinceMs > (await this.#patience(mark)))
        return { code: null, signal: null, endedAtMs: seenAliveMs };
      await this.#pause(goneSinceMs === null ? pollMs : 20, signal);
    }
  }

  /** A wrapper that lives on a busy machine will still tell. */
  async #patience(mark: Mark): Promise<number> {
    return (await this.#options.processes.startTime(mark.wrapper)) === null ? ORPHANED_MS : WRAPPER_MS;
  }

  /** Sleeps, or is woken by the end of the wrapper where that is this agent's child. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch((error: unknown) => {
      if (signal.aborted) throw error;
    });
  }

  async #leftoversGone(mark: Mark, signal: AbortSignal): Promise<number> {
    const { clock, leftoverMs } = this.#options;
    const sinceMs = clock.monotonicMs();
    let most = 0;
    for (;;) {
      const left = this.#members(mark);
      if (left === null) send(-mark.pid, 'SIGTERM');
      if (left === null || left.length === 0) return most;
      most = Math.max(most, left.length);
      this.#tell(left);
      if (this.#told === null && clock.monotonicMs() - sinceMs >= leftoverMs) await this.#killMembers(mark);
      await clock.sleep(LEFTOVER_POLL_MS, signal);
    }
  }

  /** The launcher hears of the stop as soon as its workers are gone, before it could start them again. */
  async #tellLauncherAfter(mark: Mark, ranks: ReadonlySet<number>): Promise<void> {
    for (;;) {
      const left = this.#members(mark) ?? [];
      if (!left.some(({ pid }) => ranks.has(pid))) return this.#tell(left);
      await this.#options.clock.sleep(LEFTOVER_POLL_MS);
    }
  }

  /** Nobody is told twice: a second SIGTERM looks like impatience to a script that saves. */
  #tell(processes: readonly ProcessSeen[]): void {
    for (const { pid } of processes) {
      if (!this.#heard.has(pid)) send(pid, 'SIGTERM');
      this.#heard.add(pid);
    }
  }

  #members(mark: Mark): readonly ProcessSeen[] | null {
    const all = this.#options.processes.all();
    return all === null ? null : membersOf(all, { id: mark.id, leader: mark.pid, wrapper: mark.wrapper });
  }

  async #killMembers(mark: Mark): Promise<void> {
    for (let pass = 0; pass < KILL_PASSES; pass++) {
      const left = this.#members(mark);
      if (left === null && mark.pid !== NO_LEADER) send(-mark.pid, 'SIGKILL');
      if (left === null || left.length === 0) return;
      for (const { pid } of left) send(pid, 'SIGKILL');
      await this.#options.clock.sleep(10);
    }
  }
}

/** In a mark whose leader is not known. No process has it as group or session. */
const NO_LEADER = -1;

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself meanwhile.
  }
}

async function readJson<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | null> {
  if (!existsSync(path)) return null;
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
