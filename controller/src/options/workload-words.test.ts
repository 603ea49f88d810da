import { expect, test } from 'vitest';
import { commandWorld } from '../testing/command-world.ts';

const PROJECT = {
  'requirements.txt': 'torch\n',
  'train.py': '',
  'pkg/__init__.py': '',
  'pkg/train.py': 'from . import x\n',
  'pkg/x.py': '',
};

interface Planned {
  readonly workload: unknown;
  readonly script: unknown;
  readonly notes: readonly string[];
}

test.each<[words: readonly string[], workload: object]>([
  [
    ['train.py', 'a', '--', '--lr', '1'],
    { kind: 'script', script: 'train.py', args: ['a', '--lr', '1'], interpreter: ['python3'] },
  ],
  [
    ['-m', 'pkg.train', '--', '--lr', '1'],
    { kind: 'module', module: 'pkg.train', args: ['--lr', '1'], importRoots: [''] },
  ],
  [['--module=pkg.train'], { kind: 'module', module: 'pkg.train', args: [] }],
  [['pkg/train.py', '--', 'x'], { kind: 'module', module: 'pkg.train', args: ['x'] }],
  [['--', 'make', '-m', '--', 'x'], { kind: 'command', command: ['make', '-m', '--', 'x'], folder: '' }],
  [['--', 'bash', '-c', 'a b'], { kind: 'command', command: ['bash', '-c', 'a b'] }],
])('launch %j plans what it says', async (words, workload) => {
  await using scope = await commandWorld(PROJECT);
  const dashes = words.indexOf('--');
  const own = dashes < 0 ? words : words.slice(0, dashes);
  const args = ['launch', ...own, '--dry-run', '--json', ...(dashes < 0 ? [] : words.slice(dashes))];
  const result = await scope.world.run(args);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  const plan = JSON.parse(result.stdout) as Planned;
  expect(plan.workload).toMatchObject(workload);
  expect(plan.notes.join()).toContain('found requirements.txt; runctl does not install it yet');
});

test.each<[command: string, words: readonly string[], says: RegExp]>([
  ['launch', [], /launch needs a script, a module or a command/],
  ['launch', ['--'], /launch needs a script, a module or a command/],
  ['drill', [], /drill needs a script, a module or a command\nhint: `runctl drill train\.py`/],
  [
    'launch',
    ['-m', 'pkg.train', 'train.py'],
    /both -m pkg\.train and train\.py say what to run\nhint: .*-m pkg\.train .*-- train\.py`/,
  ],
  ['launch', [''], /script is empty/],
  ['launch', ['-m'], /-m needs a value/],
  ['launch', ['python3', 'train.py'], /launch .*-- python3 train\.py` runs it/],
])('%s %j is a slip that is told', async (command, words, says) => {
  await using scope = await commandWorld(PROJECT);
  const result = await scope.world.run([command, ...words]);
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).toMatch(says);
});

test('the plan shows what a machine will run, and help how to say it', async () => {
  await using scope = await commandWorld(PROJECT);
  const { stderr } = await scope.world.run(['launch', '--dry-run', '--', 'bash', '-c', 'a && b']);
  expect(stderr).toContain("command       bash -c 'a && b'");
  const module = await scope.world.run(['launch', '-m', 'pkg.train', '--dry-run']);
  expect(module.stderr).toMatch(/module +python3 -m pkg\.train\n.*PYTHONPATH +\S+\/\n/);
  const help = await scope.world.run(['launch', '--help']);
  expect(help.stdout).toContain(
    'usage: runctl launch (script [-- argument …] | -m module [-- argument …] | -- command …) [options]',
  );
});

test('what runs is in the specification, in the list and in status', async () => {
  await using scope = await commandWorld(PROJECT);
  const { world } = scope;
  await world.run(['launch', '--yes', '--detach', '--', 'make', 'train data']);
  const { run } = await world.launched();
  expect((await world.run(['status', '--json'])).stdout).toContain('"workload":"make train data"');
  expect((await world.run(['status', run])).stdout).toMatch(/command +make 'train data'\n/);
});
