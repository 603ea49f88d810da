import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { isRunctlError, type Log, messageOf, systemClock } from '@runctl/core';
import pino from 'pino';
import { composeAgent } from './compose/compose-agent.ts';
import { readConfiguration } from './compose/configuration.ts';
import { realMachine } from './compose/real-machine.ts';
import { askStatus, statusText } from './endpoint/status-command.ts';
import type { Power } from './host/host.ts';
import type { AgentEnd } from './life/life.ts';
import { runAgent } from './life/run-agent.ts';
import { showSignsOfLife } from './reporting/signs-of-life.ts';

/** Set by the bundler. */
declare const RUNCTL_VERSION: string | undefined;
const version = typeof RUNCTL_VERSION === 'string' ? RUNCTL_VERSION : 'from source';

const SIGNS_IN_STANDSTILL = 10;

const usage = `usage: runctl-agent run | status [--json] | --version\n`;

async function main(words: readonly string[]): Promise<number> {
  const [command, ...flags] = words;
  if (command === '--version') {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (command === 'status') return status(flags.includes('--json'));
  if (command === 'run') return run();
  process.stderr.write(usage);
  return 2;
}

async function status(json: boolean): Promise<number> {
  const { paths } = readConfiguration(process.env);
  const current = await askStatus(paths.endpoint);
  process.stdout.write(json ? `${JSON.stringify(current)}\n` : statusText(current));
  return 0;
}

const END_TEXTS: Readonly<Record<AgentEnd, string>> = {
  off: 'agent done: the machine powers off',
  'left-on': 'agent done: this machine stays on, since it is not of the launch',
  leaving: 'agent done: the machine is going down',
};

/** 0: there is nothing left to do on this machine. Anything else: start me again. */
async function run(): Promise<number> {
  const configuration = readConfiguration(process.env);
  const log = openLog(configuration.paths.agentLog).child({ run: configuration.config.run });
  const listeners: (() => void)[] = [];
  process.on('SIGHUP', () => {});
  log.info({ version, pid: process.pid, launch: configuration.config.launch }, 'agent started');
  const machine = realMachine({
    configuration,
    process: { env: process.env, platform: process.platform, pid: process.pid, uid: process.getuid?.() ?? -1 },
    clock: systemClock,
    log,
    version,
    onShutdown: (listener) => listeners.push(listener),
  });
  const ports = composeAgent(machine);
  process.on('SIGTERM', () => onTerm(ports.host.power, { log, listeners }));
  const ended = new AbortController();
  const { config, paths } = configuration;
  mkdirSync(paths.state, { recursive: true });
  // Ten signs in the time after which it would be restarted: it may be late with most of them.
  if (config.standstillMs !== null)
    void showSignsOfLife(
      { clock: systemClock, log, paths, pid: process.pid, everyMs: config.standstillMs / SIGNS_IN_STANDSTILL },
      ended.signal,
    );
  try {
    const end = await runAgent(ports, new AbortController().signal);
    log.info({ end }, END_TEXTS[end]);
    return 0;
  } catch (error) {
    log.error({ error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, 'agent failed');
    return 1;
  } finally {
    ended.abort();
  }
}

/** The power button, or only somebody who restarts the agent? Then the workload is left alone, for the next agent to adopt. */
function onTerm(
  power: Power,
  { log, listeners }: { readonly log: Log; readonly listeners: readonly (() => void)[] },
): void {
  const decide = async (): Promise<void> => {
    const goingDown = await power.isGoingDown();
    log.warn({ goingDown }, 'SIGTERM');
    if (goingDown === false || listeners.length === 0) process.exit(1);
    for (const listener of listeners) listener();
  };
  decide().catch(() => process.exit(1));
}

function openLog(path: string): Log {
  mkdirSync(dirname(path), { recursive: true });
  const streams = [{ stream: pino.destination({ dest: path, sync: true, mkdir: true }) }, { stream: process.stderr }];
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.multistream(streams));
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
    // Kept connections and timers have nothing left to do.
    process.exit();
  },
  (error: unknown) => {
    process.stderr.write(`error: ${messageOf(error)}\n`);
    if (isRunctlError(error) && error.hint !== undefined) process.stderr.write(`hint: ${error.hint}\n`);
    process.exit(isRunctlError(error) ? error.exitCode : 1);
  },
);
