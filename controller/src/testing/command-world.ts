import { Interrupts } from '../cli/interrupts.ts';
import type { Provider } from '@runctl/provider';
import { MemoryCloud, MemoryProvider, type MemoryRules } from '@runctl/provider/memory';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { MemoryStore, type ObjectStore } from '@runctl/store';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { runCli } from '../cli/cli.ts';
import { commandIndex } from '../command-index/command-index.ts';
import type { CommandContext, CommandServices } from '../options/context.ts';
import { bucketKeys, parseIndexKey } from '@runctl/protocol';
import type { Tools } from '@runctl/operations/launch';
import { checkJsonOutput } from './json-output.ts';
import { WrittenRun } from '@runctl/operations/testing';
import { requiredBucket } from '../settings/load.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Time passes only while somebody sleeps, so that real work on files takes none. */
class PatientClock extends FakeClock {
  #sleeping = 0;

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#sleeping += 1;
    try {
      await super.sleep(ms, signal);
    } finally {
      this.#sleeping -= 1;
    }
  }

  async play<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => (settled = true));
    watched.catch(() => {});
    const isSettled = (): boolean => settled;
    while (!isSettled()) {
      for (let turn = 0; turn < 5 && !isSettled(); turn++) await new Promise((resolve) => setImmediate(resolve));
      if (this.#sleeping > 0 && !isSettled()) await this.advance(50);
      if (this.monotonicMs() > 7_200_000) throw new Error('still pending after two hours of fake time');
    }
    return watched;
  }
}

/** A memory cloud that looks like AWS: tests of commands show what a user there sees. */
const RULES: Partial<MemoryRules> = {
  place: 'us-east-1',
  locations: ['us-east-1a', 'us-east-1b'],
  machineTypes: {
    'g4dn.xlarge': { architecture: 'x64', usd: { spot: 0.36, 'on-demand': 1.2 } },
    'g5.xlarge': { architecture: 'x64', usd: { spot: 0.36, 'on-demand': 1.2 } },
    'g6.xlarge': { architecture: 'x64', usd: { spot: 0.36, 'on-demand': 1.2 } },
    'g5g.xlarge': { architecture: 'arm64', usd: { spot: 0.36, 'on-demand': 1.2 } },
  },
  defaultMachineTypes: ['g4dn.xlarge', 'g5.xlarge', 'g6.xlarge'],
  images: ['ami-1'],
  machineIdPrefix: 'i-',
  noticeMs: 120_000,
};

/** Everything a command can touch, in memory, with time that stands still unless a test moves it. */
export class CommandWorld {
  readonly clock = new PatientClock();
  readonly store = new MemoryStore({ clock: this.clock });
  /** What commands see as their bucket: `store`, unless a test puts something else before it. */
  cloudStore: ObjectStore = this.store;
  /** Where machines are rented. */
  machines = new MemoryCloud(this.clock, RULES);
  /** What commands see as their provider, where a test puts something before it. */
  beforeProvider: (provider: Provider) => Provider = (provider) => provider;
  readonly interrupts = new Interrupts(() => {});
  /** What a launch uploads for its machines. */
  tools: Tools = tools;
  answer: boolean | null = null;
  user = 'me@laptop';
  /** Lines that a person types when asked for text, and what was asked. */
  readonly typed: string[] = [];
  readonly asked: string[] = [];
  /** What happens while a person thinks about a question. */
  onAsk: () => Promise<void> = async () => {};
  /** How often a command connected to the cloud. */
  connections = 0;
  /** Programs that were run in the foreground, and how the next one ends. */
  readonly foreground: { command: string; args: readonly string[]; resumeFrom: string | undefined }[] = [];
  foregroundExitCode = 0;
  /** Programs of the laptop, with their places. */
  readonly programs = new Map([
    ['git', '/usr/bin/git'],
    ['ssh', '/usr/bin/ssh'],
  ]);
  /** Whether a connection needs a bucket that settings name, as at AWS. */
  refusesNoBucket = false;
  /** Whether a launch with --detach waits for its first agent, as it does for people. */
  watchesFirstBoot = false;
  environment: Record<string, string> = {
    RUNCTL_BUCKET: 'training',
    RUNCTL_REGION: 'us-east-1',
    RUNCTL_INSTANCE_PROFILE: 'p',
  };
  folder = '/nowhere';
  /** Beside the project, which it must not become a part of. */
  cacheFolder = '/nowhere';
  stateFolder = '/nowhere';
  commands = commandIndex;

  /** Runs a command line; `meanwhile` plays the rest of the world beside it. */
  async run(
    argv: readonly string[],
    meanwhile: (world: CommandWorld) => Promise<void> = async () => {},
  ): Promise<CommandResult> {
    const stdout = capture();
    const stderr = capture();
    const running = runCli(argv, this.#context(stdout.stream, stderr.stream, this.#environmentOf(argv)));
    const playing = meanwhile(this);
    const exitCode = await this.clock.play(running);
    await this.clock.play(playing);
    checkJsonOutput(argv, { stdout: stdout.text(), stderr: stderr.text() });
    return { exitCode, stdout: scrub(stdout.text(), this.folder), stderr: scrub(stderr.text(), this.folder) };
  }

  /** The only run in the bucket, as its agents would write it. Waits until it was launched. */
  async launched(): Promise<WrittenRun> {
    for (;;) {
      for await (const { key } of this.store.list({ prefix: bucketKeys.indexFolder() })) {
        const run = parseIndexKey(key)?.run;
        if (run !== undefined && this.machines.capacities.length > 0)
          return new WrittenRun(this.store, run, this.clock);
      }
      await this.clock.sleep(50);
    }
  }

  /** The newest of several runs in the bucket. */
  async newestRun(): Promise<WrittenRun> {
    for await (const { key } of this.store.list({ prefix: bucketKeys.indexFolder() })) {
      const run = parseIndexKey(key)?.run;
      if (run !== undefined) return new WrittenRun(this.store, run, this.clock);
    }
    throw new Error('there is no run');
  }

  /** How each launch stands at the provider, in order. */
  capacityStates(): string[] {
    return this.machines.capacities.map((capacity) => capacity.status(this.clock.wallMs()));
  }

  /** From now on machines come from a cloud that differs by these rules. */
  rentsFrom(rules: Partial<MemoryRules>): void {
    this.machines = new MemoryCloud(this.clock, { ...RULES, ...rules });
  }

  /** Spot has no machine from now on; on-demand has. */
  spotIsEmpty(): void {
    this.machines.setRoom({ market: 'spot' }, 0);
  }

  /** What is launched names something that does not exist. */
  targetIsWrong(): void {
    const message = 'there is no such instance profile';
    this.machines.setRefusal({ code: 'BadTarget', errorCode: 'config-invalid', message });
  }

  /** Somebody ends a launch of a run at the provider, past runctl. */
  async endsOutside(run: string, launch = 1): Promise<void> {
    await new MemoryProvider(this.machines).end({ run, launch, ref: null }, { terminate: true });
  }

  async keys(): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of this.store.list({ prefix: '' })) keys.push(key);
    return keys;
  }

  /** Nobody speaks for the machines of a test that only wants them launched: it would be waited for, then given up. */
  #environmentOf(argv: readonly string[]): Record<string, string> {
    if (this.watchesFirstBoot || !argv.includes('--detach')) return this.environment;
    return { RUNCTL_NO_FIRST_BOOT_CHECK: 'true', ...this.environment };
  }

  #context(stdout: Writable, stderr: Writable, env: Record<string, string>): CommandContext {
    return {
      env,
      stdin: new PassThrough(),
      stdout,
      stderr,
      colorDepth: 1,
      version: '0.0.0',
      commands: this.commands,
      cwd: this.folder,
      home: '/home/me',
      cacheFolder: this.cacheFolder,
      stateFolder: this.stateFolder,
      pid: 1,
      user: this.user,
      clock: this.clock,
      services: this.#services(),
      interrupted: this.interrupts.signal,
      takeInterrupts: (listener) => this.interrupts.take(listener),
      interactive: this.answer !== null,
      colour: false,
      temporaryFolder: () => Promise.resolve(this.folder),
    };
  }

  #services(): CommandServices {
    const none = (): never => {
      throw new Error('not in this test');
    };
    return {
      connect: (settings) => {
        this.connections += 1;
        return Promise.resolve({
          store: this.cloudStore,
          provider: this.beforeProvider(new MemoryProvider(this.machines)),
          bucket: this.refusesNoBucket ? requiredBucket(settings) : (settings.bucket ?? ''),
          prefix: settings.prefix,
          region: 'us-east-1',
          isLocal: false,
          close: () => {},
        });
      },
      sandbox: {
        start: none,
        ensure: none,
        find: () => Promise.resolve(null),
        lastKnown: none,
        status: none,
        stop: () => Promise.resolve(false),
        interrupt: none,
        serve: none,
      },
      tools: ({ architecture: arch }) => Promise.resolve({ ...this.tools, node: { ...this.tools.node, arch } }),
      foreground: (command, args, { env }) => {
        this.foreground.push({ command, args, resumeFrom: env['RUNCTL_RESUME_FROM'] });
        return Promise.resolve(this.foregroundExitCode);
      },
      findProgram: (name) => Promise.resolve(this.programs.get(name) ?? null),
      ask: async () => {
        await this.onAsk();
        return this.answer ?? false;
      },
      askText: (question) => {
        this.asked.push(question);
        return Promise.resolve(this.typed.shift() ?? '');
      },
      dial: () => Promise.resolve(null),
      sshTunnel: none,
    };
  }
}

const bytes = Buffer.from('tool');
export const tools: Tools = {
  agent: { sha256: 'a'.repeat(64), sizeBytes: bytes.length, body: bytes },
  node: { sha256: 'b'.repeat(64), sizeBytes: bytes.length, body: bytes, version: 'v24.0.0', os: 'linux', arch: 'x64' },
};

/** A world whose working folder holds `files`, for as long as the scope lasts. */
export async function commandWorld(
  files: Record<string, string> = {},
): Promise<AsyncDisposable & { readonly world: CommandWorld }> {
  await loadCommands();
  const folder = await temporaryFolder('runctl-command');
  const world = new CommandWorld();
  world.folder = join(folder.path, 'project');
  world.cacheFolder = join(folder.path, 'cache');
  world.stateFolder = join(folder.path, 'state');
  await mkdir(world.folder);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(world.folder, path)), { recursive: true });
    await writeFile(join(world.folder, path), content);
  }
  return { world, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** What commands load when they need it, so that loading takes no fake time in a test. */
async function loadCommands(): Promise<void> {
  await Promise.all(commandIndex.commands.map((entry) => entry.load()));
  await Promise.all([
    import('@runctl/checkpoint'),
    import('@runctl/store'),
    import('@runctl/workspace'),
    import('@runctl/operations'),
    import('@runctl/operations/account'),
    import('@runctl/operations/bucket'),
    import('@runctl/operations/checkpoint'),
    import('@runctl/operations/drill'),
    import('@runctl/operations/events'),
    import('@runctl/operations/follow'),
    import('@runctl/operations/launch'),
    import('@runctl/operations/live'),
    import('@runctl/operations/log'),
    import('@runctl/operations/offers'),
    import('@runctl/operations/resume'),
    import('@runctl/operations/run'),
    import('@runctl/operations/sandbox'),
    import('@runctl/operations/status'),
    import('@runctl/operations/stop'),
    import('@runctl/operations/transfer'),
    import('@runctl/sandbox/client'),
    import('../adapters/folder-lock.ts'),
    import('../adapters/launched-specs.ts'),
    import('../render/account.ts'),
    import('../render/checkpoints.ts'),
    import('../render/cleanup.ts'),
    import('../render/drill.ts'),
    import('../render/events.ts'),
    import('../render/findings.ts'),
    import('../render/follow.ts'),
    import('../render/live.ts'),
    import('../render/log-view.ts'),
    import('../render/objects.ts'),
    import('../render/offers.ts'),
    import('../render/plan.ts'),
    import('../render/pulled.ts'),
    import('../render/review.ts'),
    import('../render/run-detail.ts'),
    import('../render/saved.ts'),
    import('../render/status.ts'),
    import('../render/step-view.ts'),
    import('../render/stop.ts'),
    import('../render/transfer.ts'),
    import('../settings/load.ts'),
    import('../settings/write-file.ts'),
  ]);
}

function capture(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** What differs from run to run becomes a word. */
function scrub(text: string, folder: string): string {
  return text
    .replaceAll(folder, '<folder>')
    .replaceAll(/r-[a-z2-7]{10}/g, '<run>')
    .replaceAll(/(runctl-<run>-\d+)-[a-z2-7]{10,}/g, '$1')
    .replaceAll(/\[ *[\d.]+[a-z ]*(ms|s|m|h)?\]/g, '[time]')
    .replaceAll(/[\d.]+ [KM]?i?B packed/g, '<size> packed');
}
