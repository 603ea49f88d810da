import { createInterruptionWatcher } from '@runctl/agent/host/ec2';
import { createImds } from '@runctl/aws-wire';
import { defaultTiming } from '@runctl/protocol';
import { silentLog, systemClock } from '@runctl/core';
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { quantile, type Bench, type Row } from './bench.ts';

const TRIALS = 200;
const AT_ONCE = 20;
const POLL_LIMIT_MS = 2000;
/** No trial takes this long, whatever the machine has to do beside it: then something is lost, and the bench says what. */
const TRIAL_LIMIT_MS = 60_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** IMDS whose `spot/instance-action` turns from 404 to a notice when told to. */
class NoticeServer {
  readonly #server: Server;
  #visible = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<NoticeServer> {
    const server = createServer((request, response) => {
      if (request.method === 'PUT')
        return void response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', '21600').end('token');
      const asked = request.url?.endsWith('/spot/instance-action') === true;
      if (!asked || !own.#visible) return void response.writeHead(404).end();
      return void response.end(
        JSON.stringify({ action: 'terminate', time: new Date(Date.now() + 120_000).toISOString() }),
      );
    });
    const own = new NoticeServer(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return own;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Makes the notice visible; returns the wall time at which it is. */
  show(): number {
    this.#visible = true;
    return Date.now();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** A process that says when SIGTERM reached it, by the wall clock. */
const receiver =
  'import signal,time\nsignal.pthread_sigmask(signal.SIG_BLOCK,[15])\nprint("ready",flush=True)\nsignal.sigwait([15])\nprint(time.time()*1000,flush=True)';

/** Polls a server every `everyMs`; resolves when it sees the notice. */
async function sees(endpoint: string, everyMs: number): Promise<void> {
  for (;;) {
    await sleep(everyMs);
    const url = `${endpoint}latest/meta-data/spot/instance-action`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(POLL_LIMIT_MS) }).catch(() => null);
    // A poll that fails on a busy machine is one poll lost, as with the tools that this stands for.
    if (answer?.status === 200) return;
  }
}

interface Trial {
  readonly ours: number;
  /** Node termination handler: a ticker of 2 s sees the event, a ticker of 1 s acts on it. */
  readonly twoTickers: number;
  /** AWS's advice: poll every 5 s, act at once. */
  readonly fiveSeconds: number;
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = new Promise<never>((_, reject) => {
    const timeout = setTimeout(() => reject(new Error(`${what}: nothing after ${TRIAL_LIMIT_MS} ms`)), TRIAL_LIMIT_MS);
    timer.signal.addEventListener('abort', () => clearTimeout(timeout));
  });
  return Promise.race([promise, late]).finally(() => timer.abort());
}

async function trial(random: number): Promise<Trial> {
  const server = await NoticeServer.start();
  const child = spawn('python3', ['-c', receiver], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = child.stdout[Symbol.asyncIterator]();
  await within('the start of the process that is to be signalled', lines.next());
  const stop = new AbortController();
  const imds = createImds({ endpoint: server.endpoint, clock: systemClock });
  const watcher = createInterruptionWatcher(imds, {
    clock: systemClock,
    log: silentLog,
    timing: defaultTiming,
    outlived: null,
    events: { onNotice: () => child.kill('SIGTERM'), onRisk: () => {}, onScheduledEvent: () => {} },
  });
  void watcher.run(stop.signal);
  const five = sees(server.endpoint, 5000).then(() => Date.now());
  const two = sees(server.endpoint, 2000).then(async () => {
    await sleep(1000 - ((Date.now() - startedMs) % 1000));
    return Date.now();
  });
  const startedMs = Date.now();
  await sleep(1000 + random * 5000);
  const visibleMs = server.show();
  const receivedMs = Number(String((await within('SIGTERM', lines.next())).value));
  stop.abort();
  const result = {
    ours: receivedMs - visibleMs,
    twoTickers: (await within('the poll of 2 s', two)) - visibleMs,
    fiveSeconds: (await within('the poll of 5 s', five)) - visibleMs,
  };
  imds.close();
  server.close();
  // One that is still there would keep the bench's output open for whoever reads it.
  child.kill('SIGKILL');
  return result;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;

export const bench: Bench = {
  name: 'notice-latency',
  about: `notice visible in IMDS → SIGTERM received by another process; the agent's watcher, ${TRIALS} trials at random phase, peers beside it on the same server`,
  async run(progress, options) {
    const trials: Trial[] = [];
    const wanted = options.rounds === null ? TRIALS : options.rounds * AT_ONCE;
    while (trials.length < wanted) {
      trials.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => trial(Math.random())))));
      progress(`${trials.length} of ${TRIALS}`);
    }
    const rowsFor = (name: string, peer: (one: Trial) => number): Row[] =>
      (
        [
          ['p50', 0.5, 550],
          ['p99', 0.99, 1100],
        ] as const
      ).map(([label, q, goalMs]) => {
        const ours = quantile(
          trials.map((one) => one.ours),
          q,
        );
        const theirs = quantile(trials.map(peer), q);
        return {
          what: `notice → SIGTERM, ${label}`,
          ours: seconds(ours),
          peer: `${name}: ${seconds(theirs)}`,
          ratio: ours / theirs,
          goal: `≤ ${seconds(goalMs)}`,
          met: ours <= goalMs,
        };
      });
    return {
      rows: [
        ...rowsFor('2 s + 1 s tickers', (one) => one.twoTickers),
        ...rowsFor('5 s polls', (one) => one.fiveSeconds),
      ],
      raw: { trials },
    };
  },
};
