import { readFile, readlink } from 'node:fs/promises';
import { execFileSync, spawn } from 'node:child_process';
import { agentProcess } from '../support/agent-process.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';
import type { Bench } from './bench.ts';

const WATCH_MS = 60_000;
const SETTLE_MS = 10_000;
/** Of a bare Node's. */
const RSS_GOAL = 1.15;

/** CPU time of a process in ms. Linux. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

/** Resident memory of a process in MiB. Linux. */
interface Memory {
  readonly rss: number;
  readonly anonymous: number;
  /** Pages of the Node binary itself: shared with the page cache, and given back under pressure. */
  readonly nodeBinary: number;
}

async function memoryMiB(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { rss: field('VmRSS'), anonymous: field('RssAnon'), nodeBinary: await nodeBinaryMiB(pid) };
}

async function nodeBinaryMiB(pid: number): Promise<number> {
  const binary = await readlink(`/proc/${pid}/exe`);
  const maps = await readFile(`/proc/${pid}/smaps`, 'latin1');
  let ofBinary = false;
  let kib = 0;
  for (const line of maps.split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) ofBinary = line.endsWith(` ${binary}`);
    else if (ofBinary && line.startsWith('Rss:')) kib += Number.parseInt(line.slice('Rss:'.length), 10);
  }
  return kib / 1024;
}

const memoryText = ({ rss, nodeBinary }: Memory): string =>
  `${rss.toFixed(0)} MiB, of which ${nodeBinary.toFixed(0)} are pages of Node's binary`;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A Node process that has loaded what talks TLS, and waits: less memory than this no agent on Node can have. */
async function bareNode(): Promise<Memory> {
  const child = spawn(process.execPath, ['-e', "require('node:https'); setInterval(() => {}, 1000)"], {
    stdio: 'ignore',
  });
  try {
    await sleep(SETTLE_MS / 4);
    return await memoryMiB(Number(child.pid));
  } finally {
    child.kill('SIGKILL');
  }
}

export const bench: Bench = {
  name: 'agent-idle',
  about: `the built agent beside a sleeping workload, with a real run's periods, over ${WATCH_MS / 1000} s`,
  async run(progress) {
    await using world = await World.start({ timeScale: 1 });
    const run = await launchDetached(world, 'counter', { args: ['3', '40'] });
    await reachesStep(world, run, 1, 1);
    const pid = await agentProcess(world, run);
    progress(`agent pid ${pid} watches`);
    await sleep(SETTLE_MS);
    const before = await cpuMs(pid);
    await sleep(WATCH_MS);
    const cpuPercent = ((await cpuMs(pid)) - before) / (WATCH_MS / 100);
    const memory = await memoryMiB(pid);
    const { anonymous } = memory;
    await world.runctl(['stop', run]);
    const bare = await bareNode();
    return {
      rows: [
        {
          what: 'RSS',
          ours: memoryText(memory),
          peer: `waiting Node with TLS: ${memoryText(bare)}`,
          ratio: memory.rss / bare.rss,
          goal: `≤ ${RSS_GOAL}`,
          met: memory.rss / bare.rss <= RSS_GOAL,
        },
        {
          what: 'anonymous memory',
          ours: `${anonymous.toFixed(0)} MiB`,
          peer: null,
          ratio: null,
          goal: '≤ 30 MB',
          met: anonymous * 1.048576 <= 30,
        },
        {
          what: 'CPU',
          ours: `${cpuPercent.toFixed(2)} % of a core`,
          peer: null,
          ratio: null,
          goal: '≤ 0.5 %',
          met: cpuPercent <= 0.5,
        },
      ],
      raw: { memory, bare, cpuPercent },
    };
  },
};
