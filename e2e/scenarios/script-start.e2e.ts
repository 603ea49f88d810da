import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LaunchOutcome } from '@runctl/protocol';
import { eventually } from '../support/eventually.ts';
import { jsonLines } from '../support/launching.ts';
import { World } from '../support/world.ts';

/** Files of the one project of all these starts. */
const FILES: Readonly<Record<string, string>> = {
  '.runctl.toml': '',
  'pkg/__init__.py': '',
  'pkg/words.py': 'WORD = "relative"\n',
  'pkg/train.py': 'from .words import WORD\nimport sys\nprint("ran", __package__, WORD, sys.argv[1:])\n',
  'src/laid/__init__.py': '',
  'src/laid/out.py': 'import laid, os\nprint("ran", laid.__name__, os.path.basename(os.getcwd()))\n',
  Makefile: 'train:\n\t@echo "ran by make"\n',
  'no-package.py': 'import no_such_framework\n',
};
const PYTHON = /^\/\S*\/python3$/;

/** How everybody may start something is shown, without a cloud, in packages/workspace/src/start/start.test.ts. */
describe('a script starts on the machine as it does at home', () => {
  let world: World;
  let project: string;

  beforeAll(async () => {
    world = await World.start({ timeScale: 0.2 });
    project = join(world.folder, 'project');
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(dirname(join(project, name)), { recursive: true });
      await writeFile(join(project, name), content);
    }
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  test.concurrent('a script of a package runs as its module, and status names what ran it', async () => {
    const { run, log } = await ended(['pkg/train.py', '--', 'a b'], 'succeeded');
    expect(log).toContain("ran pkg relative ['a b']");
    const { stdout } = await world.runctl(['status', run]);
    expect(stdout).toMatch(/module\s+python3 -m pkg\.train 'a b'/);
    expect(stdout).toMatch(/run by\s+\/\S*\/python3 \(Python 3\.\d+\.\d+\S*\)/);
    const interpreter = { path: expect.stringMatching(PYTHON), version: expect.stringMatching(/^Python 3/) };
    expect(await world.bucket.started(run, 1)).toMatchObject({ interpreter });
  });

  test.concurrent('a module below src', async () => {
    expect((await ended(['-m', 'laid.out'], 'succeeded')).log).toContain('ran laid project');
  });

  test.concurrent('a program of the machine', async () => {
    const { run, log } = await ended(['--', 'make', 'train'], 'succeeded');
    expect(log).toContain('ran by make');
    expect((await world.runctl(['status', run])).stdout).toMatch(/command\s+make train/);
  });

  test.concurrent('a program that is not there is started once, and named', async () => {
    const { run, outcome } = await ended(['--', 'no-such-program', 'run'], 'failed');
    expect(outcome.message).toMatch(/exit code 127 \(command not found: no-such-program\), .* has no no-such-program/);
    const keys = await world.bucket.keys(`runs/${run}/attempts/`);
    expect(keys.filter((key) => key.includes('/events/'))).toEqual([]);
  });

  test.concurrent('a package that the machine has not is looked for once, and named with the interpreter', async () => {
    const { run, outcome } = await ended(['no-package.py'], 'failed');
    const keys = await world.bucket.keys(`runs/${run}/attempts/`);
    expect(keys.filter((key) => key.includes('/events/'))).toEqual([]);
    expect(outcome.message).toMatch(
      /No module named 'no_such_framework' for \/\S+python3 \(Python 3.*are not installed by runctl yet/,
    );
  });

  interface Ended {
    readonly run: string;
    readonly outcome: LaunchOutcome;
    readonly log: string;
  }

  async function ended(words: readonly string[], status: LaunchOutcome['status']): Promise<Ended> {
    const dashes = words.indexOf('--');
    const own = dashes < 0 ? words : words.slice(0, dashes);
    const behind = dashes < 0 ? [] : words.slice(dashes);
    const launched = await world.runctl(['launch', ...own, '--yes', '--detach', '--json', ...behind], { cwd: project });
    expect(launched, launched.stderr).toMatchObject({ exitCode: 0 });
    const run = String(jsonLines(launched).find((line) => typeof line['run'] === 'string')?.['run']);
    const outcome = await eventually(`${run} ends`, () => world.bucket.outcome(run), 180_000);
    expect(outcome, outcome.message).toMatchObject({ status });
    return { run, outcome, log: (await world.bucket.log(run, 1)).toString() };
  }
});
