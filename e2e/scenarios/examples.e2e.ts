import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';

// The interpreter that Debian's PyTorch belongs to; a python3 that comes first in PATH may be another one.
const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const example = (name: string) => fileURLToPath(new URL(`../../examples/${name}/train.py`, import.meta.url));

/** One life of a training script: its process and everything it printed so far. */
class Life {
  output = '';
  readonly #process: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals>;

  constructor(script: string, folder: string, options: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
    this.#process = spawn(PYTHON, ['-B', script, ...(options.args ?? [])], {
      cwd: folder,
      env: { ...process.env, RUNCTL_CHECKPOINT_DIR: join(folder, 'checkpoints'), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const collect = (chunk: Buffer) => (this.output += chunk.toString());
    this.#process.stdout?.on('data', collect);
    this.#process.stderr?.on('data', collect);
    // 'exit', not 'close': a data loader that outlives its trainer keeps the pipes open.
    this.#ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  async end(): Promise<number | NodeJS.Signals> {
    const how = await this.#ended;
    // The last output may be read after the exit is seen: it is there, so the next turns of the loop read it.
    for (let quiet = 0, before = this.output.length; quiet < 3; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.output.length !== before) quiet = 0;
      before = this.output.length;
    }
    return how;
  }

  async prints(pattern: RegExp): Promise<RegExpMatchArray> {
    await until(
      () => pattern.test(this.output),
      () => `${pattern.source} in: ${this.output}`,
    );
    return this.output.match(pattern)!;
  }

  [Symbol.dispose](): void {
    this.#process.kill('SIGKILL');
    this.#process.stdout?.destroy();
    this.#process.stderr?.destroy();
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean, description: () => string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited 60 s for ${description()}`);
    await pause(5);
  }
}

/** Numbers in [0, 1) that are the same on every run of the test (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const stepIn = (text: string, pattern: RegExp) => Number(text.match(pattern)?.[1] ?? Number.NaN);
const checkpointName = (step: number, extension: string) => `checkpoint-${String(step).padStart(6, '0')}.${extension}`;
const checkpointsIn = async (folder: string) => (await readdir(join(folder, 'checkpoints'))).toSorted();

interface Training {
  readonly script: string;
  readonly args: readonly string[];
  readonly extension: string;
}

/** More steps than any machine makes before it is interrupted. */
const ENDLESS = 1_000_000;

/** The last checkpoint of a life that trains up to the step. */
async function finished(training: Training, folder: string, steps: number): Promise<{ bytes: Buffer; from: number }> {
  using life = new Life(training.script, folder, { args: [...training.args, '--steps', String(steps)] });
  expect(await life.end(), life.output).toBe(0);
  const bytes = await readFile(join(folder, 'checkpoints', checkpointName(steps, training.extension)));
  return { bytes, from: stepIn(life.output, /resumed from .* at step (\d+)/) };
}

/**
 * Ends one life per signal, each at a random moment of its training, then lets the last one finish: its bytes are those of a
 * run that trained up to the same step undisturbed.
 */
async function endsAsUndisturbed(training: Training, signals: readonly NodeJS.Signals[], random: () => number) {
  await using folder = await temporaryFolder('runctl-interrupted');
  await using calm = await temporaryFolder('runctl-undisturbed');
  let savedStep = 0;
  for (const signal of signals) {
    using life = new Life(training.script, folder.path, { args: [...training.args, '--steps', String(ENDLESS)] });
    await life.prints(/from scratch|resumed from/);
    expect(stepIn(life.output, /resumed from .* at step (\d+)/) || 0).toBeGreaterThanOrEqual(savedStep);
    await pause(60 + random() * 240);
    life.signal(signal);
    const how = await life.end();
    if (signal === 'SIGTERM') {
      expect(how, life.output).toBe(143);
      savedStep = stepIn(life.output, /stopped by SIGTERM at step (\d+)/);
      expect(await checkpointsIn(folder.path)).toContain(checkpointName(savedStep, training.extension));
    } else expect(how, life.output).toBe('SIGKILL');
  }
  const newest = (await checkpointsIn(folder.path)).at(-1)?.match(/\d+/)?.[0];
  const steps = Math.max(savedStep, Number(newest ?? 0)) + 20;
  const [rough, undisturbed] = await Promise.all([
    finished(training, folder.path, steps),
    finished(training, calm.path, steps),
  ]);
  expect(rough.from).toBeGreaterThanOrEqual(savedStep);
  expect(rough.bytes.equals(undisturbed.bytes)).toBe(true);
}

const FOUR_DEATHS = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGTERM'] as const;

describe('examples/char-lm', () => {
  const script = example('char-lm');

  test('ends with the same bytes after three SIGTERMs and a SIGKILL as undisturbed', async () => {
    const args = ['--checkpoint-every', '15', '--step-delay-ms', '10'];
    await endsAsUndisturbed({ script, args, extension: 'json' }, FOUR_DEATHS, seeded(11));
  });

  test('acts on signals that arrive while it saves, and on more than one', async () => {
    await using folder = await temporaryFolder();
    const random = seeded(7);
    let step = 0;
    for (let round = 0; round < 3; round += 1) {
      using life = new Life(script, folder.path, { args: ['--steps', String(ENDLESS), '--checkpoint-every', '1'] });
      await life.prints(/from scratch|resumed from/);
      await pause(random() * 60);
      for (let repetition = 0; repetition < 3; repetition += 1) {
        life.signal('SIGTERM');
        await pause(random() * 3);
      }
      expect(await life.end(), life.output).toBe(143);
      const stopped = stepIn(life.output, /stopped by SIGTERM at step (\d+)/);
      expect(stopped).toBeGreaterThan(step);
      expect(stepIn(life.output, /resumed from .* at step (\d+)/) || 0).toBe(step);
      step = stopped;
    }
    expect((await checkpointsIn(folder.path)).at(-1)).toBe(checkpointName(step, 'json'));
  });

  test('keeps three checkpoints, reports its progress and says that it is done', async () => {
    await using folder = await temporaryFolder();
    const env = {
      RUNCTL_PROGRESS_FILE: join(folder.path, 'progress.json'),
      RUNCTL_DONE_FILE: join(folder.path, 'done.json'),
    };
    using life = new Life(script, folder.path, { args: ['--steps', '50', '--checkpoint-every', '10'], env });
    expect(await life.end(), life.output).toBe(0);
    expect(await checkpointsIn(folder.path)).toEqual([30, 40, 50].map((step) => checkpointName(step, 'json')));
    expect(JSON.parse(await readFile(env.RUNCTL_PROGRESS_FILE, 'utf8'))).toEqual({ step: 50 });
    expect(JSON.parse(await readFile(env.RUNCTL_DONE_FILE, 'utf8'))).toEqual({ step: 50 });
    expect(life.output).toMatch(/^step 40 loss \d\.\d+$/m);
  });

  test('obeys RUNCTL_RESUME_FROM even if newer checkpoints lie in its folder, and skips a torn one', async () => {
    await using folder = await temporaryFolder();
    const checkpoints = join(folder.path, 'checkpoints');
    using first = new Life(script, folder.path, { args: ['--steps', '30', '--checkpoint-every', '10'] });
    expect(await first.end(), first.output).toBe(0);
    const undisturbedEnd = await readFile(join(checkpoints, checkpointName(30, 'json')));

    // Three later ones: counted by the rotation, they would push out every checkpoint that the resumed life writes.
    for (const later of [970, 980, 990]) await writeFile(join(checkpoints, checkpointName(later, 'json')), 'torn');
    const restored = join(folder.path, 'restored.json');
    await copyFile(join(checkpoints, checkpointName(10, 'json')), restored);
    using second = new Life(script, folder.path, { args: ['--steps', '30'], env: { RUNCTL_RESUME_FROM: restored } });
    expect(await second.end(), second.output).toBe(0);
    expect(second.output).toContain('restored.json at step 10');
    expect((await readFile(join(checkpoints, checkpointName(30, 'json')))).equals(undisturbedEnd)).toBe(true);

    await writeFile(join(checkpoints, checkpointName(30, 'json')), undisturbedEnd.subarray(0, 5000));
    using third = new Life(script, folder.path, { args: ['--steps', '30'] });
    expect(await third.end(), third.output).toBe(0);
    expect(third.output).toMatch(/cannot read .*000030/);
    expect(third.output).toMatch(/resumed from .* at step 20/);
    expect((await readFile(join(checkpoints, checkpointName(30, 'json')))).equals(undisturbedEnd)).toBe(true);
  });

  test('does not start over on top of checkpoints that it cannot read', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'checkpoints'));
    await writeFile(join(folder.path, 'checkpoints', checkpointName(900, 'json')), '{"step":90');
    using life = new Life(script, folder.path, { args: ['--steps', '5'] });
    expect(await life.end()).toBe(1);
    expect(life.output).toContain('not starting over');
    expect(await checkpointsIn(folder.path)).toEqual([checkpointName(900, 'json')]);
  });
});

describe('examples/char-lm-torch', () => {
  test('ends with the same bytes after a SIGTERM and a SIGKILL as undisturbed', async (context) => {
    if (!hasTorch()) context.skip(`${PYTHON} has no PyTorch (Debian: apt-get install python3-torch)`);
    const args = ['--checkpoint-every', '4', '--step-delay-ms', '12'];
    const deaths = ['SIGTERM', 'SIGKILL'] as const; // importing torch takes two seconds a life
    await endsAsUndisturbed({ script: example('char-lm-torch'), args, extension: 'pt' }, deaths, seeded(5));
  });
});

describe('examples/careless', () => {
  const script = example('careless');

  test('ignores SIGTERM, leaves a torn file when killed in a save, and then starts over without a word', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'checkpoints', 'model.json');
    using life = new Life(script, folder.path, { args: ['--save-every', '10'] });
    const loader = Number((await life.prints(/data loader started, pid (\d+)/))[1]);
    try {
      life.signal('SIGTERM');
      // The step after the next save: it trained on and its first checkpoint is good.
      await life.prints(/^step 15$/m);
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ step: 10 });
      await until(
        () => {
          // It stands still while it is looked at, else a slow look would meet the end of the save.
          life.signal('SIGSTOP');
          const torn = isTorn(file);
          if (!torn) life.signal('SIGCONT');
          return torn;
        },
        () => 'a save in progress',
      );
      life.signal('SIGKILL');
      expect(await life.end()).toBe('SIGKILL');
      expect(isTorn(file)).toBe(true);
      expect(isAlive(loader)).toBe(true);
    } finally {
      process.kill(loader, 'SIGKILL');
    }

    using next = new Life(script, folder.path, { args: ['--steps', '5'] });
    expect(await next.end(), next.output).toBe(0);
    expect(next.output).toContain('starting at step 0');
    expect(next.output).not.toMatch(/torn|broken|cannot/);
  });

  test('does resume when it was lucky', async () => {
    await using folder = await temporaryFolder();
    for (const [steps, start] of [
      [5, 'starting at step 0'],
      [10, 'resumed at step 5'],
    ] as const) {
      using life = new Life(script, folder.path, { args: ['--steps', String(steps)] });
      expect(await life.end(), life.output).toBe(0);
      expect(life.output).toContain(start);
    }
    await rm(join(folder.path, 'checkpoints'), { recursive: true });
  });
});

function hasTorch(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("torch"))']);
    return true;
  } catch {
    return false;
  }
}

function isTorn(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, 'utf8'));
    return false;
  } catch (error) {
    return error instanceof SyntaxError;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
