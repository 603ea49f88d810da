import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

/** A process that lives; a zombie does not. */
export interface LivingProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Tells a process from a later one with the same pid. Opaque. */
  readonly startTime: string;
  readonly command: string;
  readonly environment: string;
}

/** Answers the supervisor's questions about the machine's processes. Reads only. */
export interface ProcessTable {
  /** Start time of a living process, null when there is none. */
  startTime(pid: number): Promise<string | null>;
  /** All living processes that can be looked into; null where this machine can't list them with their environment. */
  all(): readonly LivingProcess[] | null;
  /** Tells this boot of the machine from others, whose pids mean nothing now; null where that can't be known. */
  bootId(): string | null;
  /** Since this boot, by a clock that nobody can set; null where that can't be known. */
  uptimeMs(): number | null;
  /** Whether the process has a handler of its own for SIGTERM; null where that can't be known. */
  catchesTerm(pid: number): boolean | null;
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

const isDead = (stat: Stat): boolean => stat.state === 'Z' || stat.state === 'X';
const SIGTERM_BIT = 14n;

export const linuxProcessTable: ProcessTable = {
  async startTime(pid) {
    const stat = statOf(pid);
    return stat === null || isDead(stat) ? null : stat.startTime;
  },
  all() {
    const living: LivingProcess[] = [];
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      const stat = statOf(pid);
      if (stat === null || isDead(stat)) continue;
      living.push({
        pid,
        parent: stat.parent,
        group: stat.group,
        session: stat.session,
        startTime: stat.startTime,
        command: read(`/proc/${pid}/cmdline`) ?? '',
        environment: read(`/proc/${pid}/environ`) ?? '',
      });
    }
    return living;
  },
  bootId: () => read('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
  uptimeMs() {
    const seconds = Number.parseFloat(read('/proc/uptime') ?? '');
    return Number.isNaN(seconds) ? null : seconds * 1000;
  },
  catchesTerm(pid) {
    const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
    return mask === undefined ? null : ((BigInt(`0x${mask}`) >> SIGTERM_BIT) & 1n) === 1n;
  },
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
  all: () => null,
  bootId: () => null,
  uptimeMs: () => null,
  catchesTerm: () => null,
};
