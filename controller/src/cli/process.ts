import { baseFolder, systemClock } from '@runctl/core';
import type { ProcessFolder } from '@runctl/sandbox/client';
import { realpathSync } from 'node:fs';
import { homedir, hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { CloudClock } from '../adapters/cloud-clock.ts';
import { commandIndex } from '../command-index/command-index.ts';
import type { CommandContext, CommandServices } from '../options/context.ts';
import { Interrupts } from './interrupts.ts';
import { VERSION } from './version.ts';

/** The composition root: the only place that reads the process and ends it. */
export async function runProcess(argv: readonly string[]): Promise<void> {
  const interrupts = new Interrupts(() => process.exit(130));
  process.on('SIGINT', () => interrupts.press());
  process.on('SIGTERM', () => interrupts.end());
  // Whoever reads our output may stop reading: `runctl logs | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const temporary = createTemporaryFolder();
  process.on('exit', temporary.remove);
  const clock = new CloudClock(systemClock);
  const place = { environment: process.env, home: homedir() };
  const cacheFolder = join(baseFolder('XDG_CACHE_HOME', place), 'runctl');
  const context: CommandContext = {
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    colorDepth: 1,
    version: VERSION,
    commands: commandIndex,
    cwd: process.cwd(),
    pid: process.pid,
    home: process.env['HOME'] ?? homedir(),
    user: `${userName()}@${hostname()}`,
    clock,
    cacheFolder,
    stateFolder: join(baseFolder('XDG_STATE_HOME', place), 'runctl'),
    services: services({ cacheFolder, clock, temporaryFolder: temporary.path, interrupted: interrupts.signal }),
    interrupted: interrupts.signal,
    takeInterrupts: (listener) => interrupts.take(listener),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    colour: process.stdout.isTTY && process.stderr.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
    temporaryFolder: temporary.path,
  };
  process.exitCode = await run(argv, context);
  // Kept connections of clients must not hold a finished command.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit();
}

/** What a shell asks at each Tab loads no command, unless it wants to ask the cloud. */
async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  if (argv[0] !== 'complete' || context.env['RUNCTL_COMPLETE_REMOTE'] === '1')
    return (await import('./cli.ts')).runCli(argv, context);
  const { completeQuickly } = await import('./complete-quickly.ts');
  context.stdout.write(await completeQuickly(argv.slice(1), context));
  return 0;
}

/** Adapters are loaded by the command that uses them. */
function services({
  cacheFolder,
  clock,
  interrupted: signal,
  temporaryFolder,
}: Pick<CommandContext, 'cacheFolder' | 'interrupted' | 'temporaryFolder'> & {
  readonly clock: CloudClock;
}): CommandServices {
  const program = [process.execPath, realpathSync(process.argv[1] ?? '')];
  const sandbox = async () => (await import('../adapters/sandbox.ts')).createSandboxControl({ program });
  return {
    connect: async (settings, environment, log) =>
      (await import('../adapters/connect.ts')).connectCloud(settings, environment, { log, clock }),
    sandbox: {
      start: async (...args) => (await sandbox()).start(...args),
      ensure: async (...args) => (await sandbox()).ensure(...args),
      find: async (...args) => (await sandbox()).find(...args),
      lastKnown: async (...args) => (await sandbox()).lastKnown(...args),
      status: async (...args) => (await sandbox()).status(...args),
      stop: async (...args) => (await sandbox()).stop(...args),
      interrupt: async (...args) => (await sandbox()).interrupt(...args),
      serve: async (...args) => (await sandbox()).serve(...args),
    },
    tools: async (target) => {
      const [{ createToolFinder }, { npmPackages }] = await Promise.all([
        import('../adapters/tools.ts'),
        import('../adapters/npm-packages.ts'),
      ]);
      const fetchPackage = npmPackages({ environment: process.env, signal });
      return createToolFinder({ cacheFolder, temporaryFolder }, { fetchPackage, computer: process })(target);
    },
    foreground: async (...args) => (await import('../adapters/foreground.ts')).runInForeground(...args),
    findProgram: async (name) => (await import('../adapters/programs.ts')).programOnPath(name, process.env),
    ask: async (...args) => (await import('../adapters/terminal.ts')).askOnTerminal(...args),
    askText: async (...args) => (await import('../adapters/terminal.ts')).askTextOnTerminal(...args),
    dial: async (...args) => (await import('../adapters/websocket.ts')).dialWebSocket(...args),
    sshTunnel:
      (user) =>
      async (...args) =>
        (await import('../adapters/ssh-tunnel.ts')).sshTunnel(user)(...args),
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}

function createTemporaryFolder(): { readonly path: () => Promise<string>; readonly remove: () => void } {
  let made: ProcessFolder | null = null;
  const make = async (): Promise<ProcessFolder> => {
    const { createProcessFolder } = await import('@runctl/sandbox/client');
    return (made = await createProcessFolder(tmpdir(), 'runctl-'));
  };
  let making: Promise<ProcessFolder> | null = null;
  return { path: async () => (await (making ??= make())).path, remove: () => made?.remove() };
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
