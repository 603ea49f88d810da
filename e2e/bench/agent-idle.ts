import { readFile } from 'node:fs/promises';
import { execFileSync, spawn } from 'node:child_process';
import { agentProcess } from '../support/agent-process.ts';
import { launchDetached, reachesStep } from '../support/launching.ts';
import { World } from '../support/world.ts';
import type { Bench } from './bench.ts';

const WATCH_MS = 60_000;
const SETTLE_MS = 10_000;

/** CPU time of a process in ms. Linux. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

async function memoryMiB(pid: number, field: 'VmRSS' | 'RssAnon'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** RSS in MiB of a Node process that has loaded what talks TLS, and waits: less than this no agent on Node can have. */
async function floorMiB(): Promise<number> {
  const child = spawn(process.execPath, ['-e', "require('node:https'); setInterval(() => {}, 1000)"], {
    stdio: 'ignore',
  });
  try {
    await sleep(SETTLE_MS / 4);
    return await memoryMiB(Number(child.pid), 'VmRSS');
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
    const rss = await memoryMiB(pid, 'VmRSS');
    const anonymous = await memoryMiB(pid, 'RssAnon');
    await world.runctl(['stop', run]);
    const floor = await floorMiB();
    return {
      rows: [
        {
          what: 'RSS',
          ours: `${rss.toFixed(0)} MiB`,
          peer: `waiting Node with TLS: ${floor.toFixed(0)} MiB`,
          ratio: rss / floor,
          goal: '≤ 75 MB',
          met: rss * 1.048576 <= 75,
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
      raw: { rss, floor, anonymous, cpuPercent },
    };
  },
};
