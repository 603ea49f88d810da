import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { promisify } from 'node:util';
import { writesBelow } from '@runctl/checkpoint';

/** One life of a process: its pid may be another's later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Tells a process from a later one with the same pid. Opaque. */
  readonly startTime: string;
}

/** The place of a living process among the others. */
export interface ProcessStat extends ProcessIdentity {
  readonly parent: number;
  readonly group: number;
  readonly session: number;
}

/** A process that lives; a zombie does not. Words and variables end with a NUL each. */
export interface LivingProcess extends ProcessStat {
  readonly command: string;
  readonly environment: string;
}

/** What a process does about signals, as sets of them in hexadecimal (SigCgt, SigBlk, SigIgn in proc(5)). */
export interface SignalMasks {
  readonly caught: string;
  readonly blocked: string;
  readonly ignored: string;
}

/** Answers the supervisor's questions about the machine's processes. Reads only. */
export interface ProcessTable {
  /** Start time of a living process, null when there is none. */
  startTime(pid: number): Promise<string | null>;
  /** All living processes; null where this machine can't list them with their environment. */
  stats(): readonly ProcessStat[] | null;
  /** A living process; null when there is none. Command and environment are empty where they can't be read. */
  living(pid: number): LivingProcess | null;
  /** Tells this boot of the machine from others, whose pids mean nothing now; null where that can't be known. */
  bootId(): string | null;
  /** Since this boot, by a clock that nobody can set; null where that can't be known. */
  uptimeMs(): number | null;
  /** The letter of its state (proc(5)); null where that can't be known. */
  state(pid: number): string | null;
  /** Null where that can't be known. */
  signalMasks(pid: number): SignalMasks | null;
  /** Path of the program that the process executes; null where that can't be known. */
  program(pid: number): string | null;
  /** Whether its standard input is a pipe or a socket; false where that can't be known. */
  readsPipe(pid: number): boolean;
  /** Whether the process has a file below the folder (a real path) open for writing, as far as that can be seen. */
  writesBelow(folder: string, pid: number): boolean;
}

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // it ended meanwhile, or belongs to another user
  }
};

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
}

/** Fields after the command name, which may itself hold blanks and parentheses (proc(5)). */
function statOf(pid: number): Stat | null {
  const text = read(`/proc/${pid}/stat`);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(') ') + 2).split(' ');
  const [state = '', parent, group, session] = fields;
  return { state, parent: Number(parent), group: Number(group), session: Number(session), startTime: fields[19] ?? '' };
}

const placeOf = (pid: number, { parent, group, session, startTime }: Stat): ProcessStat => ({
  pid,
  parent,
  group,
  session,
  startTime,
});
const isDead = (stat: Stat): boolean => stat.state === 'Z' || stat.state === 'X';
const SIGTERM_BIT = 14n;

/** Whether SIGTERM is one of the signals of a mask. */
export const hasTerm = (mask: string): boolean => ((BigInt(`0x${mask}`) >> SIGTERM_BIT) & 1n) === 1n;

export const linuxProcessTable: ProcessTable = {
  async startTime(pid) {
    const stat = statOf(pid);
    return stat === null || isDead(stat) ? null : stat.startTime;
  },
  stats() {
    return readdirSync('/proc').flatMap((name) => {
      const pid = Number(name);
      const stat = Number.isInteger(pid) ? statOf(pid) : null;
      return stat === null || isDead(stat) ? [] : [placeOf(pid, stat)];
    });
  },
  living(pid) {
    const stat = statOf(pid);
    if (stat === null || isDead(stat)) return null;
    const [command, environment] = [read(`/proc/${pid}/cmdline`) ?? '', read(`/proc/${pid}/environ`) ?? ''];
    return { ...placeOf(pid, stat), command, environment };
  },
  state: (pid) => statOf(pid)?.state ?? null,
  bootId: () => read('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
  uptimeMs() {
    const seconds = Number.parseFloat(read('/proc/uptime') ?? '');
    return Number.isNaN(seconds) ? null : seconds * 1000;
  },
  signalMasks(pid) {
    const status = read(`/proc/${pid}/status`) ?? '';
    const [caught, blocked, ignored] = ['SigCgt', 'SigBlk', 'SigIgn'].map(
      (name) => new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1],
    );
    return caught === undefined || blocked === undefined || ignored === undefined ? null : { caught, blocked, ignored };
  },
  program(pid) {
    try {
      return readlinkSync(`/proc/${pid}/exe`);
    } catch {
      return null;
    }
  },
  readsPipe(pid) {
    try {
      return /^(pipe|socket):/.test(readlinkSync(`/proc/${pid}/fd/0`));
    } catch {
      return false;
    }
  },
  writesBelow,
};

/** Machines without /proc: `ps` for one process, nothing for all. */
export const psProcessTable: ProcessTable = {
  async startTime(pid) {
    try {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      });
      const [, state = '', startTime = ''] = /^(\S+)\s+(.*?)\s*$/.exec(stdout.trim()) ?? [];
      return state === '' || state.startsWith('Z') ? null : startTime;
    } catch {
      return null;
    }
  },
  stats: () => null,
  living: () => null,
  state: () => null,
  bootId: () => null,
  uptimeMs: () => null,
  signalMasks: () => null,
  program: () => null,
  readsPipe: () => false,
  writesBelow: () => false,
};
