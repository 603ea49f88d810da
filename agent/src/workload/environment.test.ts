import { defaultRetention, runSpec, scaledTiming } from '@runctl/protocol';
import { describe, expect, test } from 'vitest';
import { withPythonOf, withShellOf, workloadCommand, workloadEnvironment } from './environment.ts';

const spec = runSpec.parse({
  version: 2,
  run: 'r-aaaaaaaaaa',
  name: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  launchedBy: 'me@laptop',
  nodes: 1,
  project: { name: 'p', treeHash: 't', archiveKey: 'k', archiveSha256: 's', archiveSizeBytes: 1 },
  workload: {
    kind: 'script',
    script: 'train.py',
    args: ['--lr', '0.1'],
    env: { OMP_NUM_THREADS: '4', RANK: '3' },
    interpreter: ['python3'],
  },
  checkpoint: { dir: 'checkpoints', resume: 'auto', resumeArgument: '--resume {path}', keep: defaultRetention },
  policy: { graceMs: null, budgetUsd: null, maxInterruptions: null, maxCrashes: 3 },
  timing: scaledTiming(1),
});
const facts = {
  spec,
  generation: 2,
  node: 0,
  codeFolder: '/home/ubuntu/p',
  outputDir: null,
  checkpointDir: '/home/ubuntu/p/checkpoints',
  resumeFrom: null,
  preemptFile: '/state/preempt',
  progressFile: '/state/progress.json',
  doneFile: '/state/done',
  account: { name: 'ubuntu', home: '/home/ubuntu' },
  longestStopMs: 120_000,
};

describe('the environment of the workload', () => {
  test('is rid of what a launcher or scheduler around the agent would have left, and of the agent’s own', () => {
    const inherited = {
      PATH: '/bin',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      RANK: '1',
      LOCAL_RANK: '1',
      WORLD_SIZE: '2',
      MASTER_ADDR: 'x',
      SLURM_JOB_ID: '7',
      TORCHELASTIC_RUN_ID: 'x',
      RUNCTL_INSTANCE_ROOT: '/x',
      RUNCTL_RESUME_FROM: 'stale',
      INVOCATION_ID: 'x',
      HOME: '/root',
    };
    const environment = workloadEnvironment(inherited, facts);
    expect(environment).toMatchObject({
      PATH: '/bin',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      HOME: '/home/ubuntu',
      PYTHONUNBUFFERED: '1',
      TORCH_ELASTIC_SHUTDOWN_TIMEOUT: '120',
      RUNCTL_ATTEMPT: '2',
      RUNCTL_RESUME_FROM: '',
    });
    for (const name of [
      'LOCAL_RANK',
      'WORLD_SIZE',
      'MASTER_ADDR',
      'SLURM_JOB_ID',
      'TORCHELASTIC_RUN_ID',
      'RUNCTL_INSTANCE_ROOT',
      'INVOCATION_ID',
    ])
      expect(environment).not.toHaveProperty(name);
  });

  test('has what the user asked for, but never in place of what the agent says', () => {
    const asked = { ...spec, workload: { ...spec.workload, env: { RANK: '3', RUNCTL_ATTEMPT: '99' } } };
    expect(workloadEnvironment({}, { ...facts, spec: asked })).toMatchObject({ RANK: '3', RUNCTL_ATTEMPT: '2' });
  });
});

describe('the command', () => {
  test('gets the resume argument only when there is something to resume from, blanks in its path included', () => {
    expect(workloadCommand(spec, null)).toEqual(['python3', 'train.py', '--lr', '0.1']);
    expect(workloadCommand(spec, '/c/step 5')).toEqual(['python3', 'train.py', '--lr', '0.1', '--resume', '/c/step 5']);
  });

  test('runs an executable script as it is', () => {
    const script = { ...spec, workload: { ...spec.workload, interpreter: [], script: 'run.sh', args: [] } };
    expect(workloadCommand(script, null)).toEqual(['./run.sh']);
  });
});

test('a shell script without a line of its own runs under bash where there is one', () => {
  const command = ['bash', 'run.sh', '--lr', '1'];
  expect(withShellOf(command, (path) => path === '/usr/bin/bash')).toEqual(command);
  expect(withShellOf(command, () => false)).toEqual(['sh', 'run.sh', '--lr', '1']);
  expect(withShellOf(['python3', 'bash'], () => false)).toEqual(['python3', 'bash']);
});

describe('a module and a command', () => {
  const module = {
    ...spec,
    workload: {
      kind: 'module' as const,
      module: 'pkg.train',
      args: ['--lr', '1'],
      env: {},
      interpreter: ['python3'],
      importRoots: ['src', ''],
    },
  };
  const command = {
    ...spec,
    workload: { kind: 'command' as const, command: ['make', 'train'], folder: 'tool', env: {} },
  };

  test('are run as they are, with the resume argument behind', () => {
    expect(workloadCommand(module, null)).toEqual(['python3', '-m', 'pkg.train', '--lr', '1']);
    expect(workloadCommand(module, '/c/1')).toEqual(['python3', '-m', 'pkg.train', '--lr', '1', '--resume', '/c/1']);
    expect(workloadCommand(command, null)).toEqual(['make', 'train']);
  });

  test('a module imports from the project first, then from where else it was told; a command as it is told', () => {
    const path = (env: Record<string, string>, inherited = {}) =>
      workloadEnvironment(inherited, { ...facts, spec: { ...module, workload: { ...module.workload, env } } })[
        'PYTHONPATH'
      ];
    const own = '/home/ubuntu/p/src:/home/ubuntu/p';
    expect(path({})).toBe(own);
    expect(path({ PYTHONPATH: '/mine' }, { PYTHONPATH: '/theirs' })).toBe(`${own}:/mine`);
    expect(path({}, { PYTHONPATH: '/theirs' })).toBe(`${own}:/theirs`);
    expect(workloadEnvironment({}, { ...facts, spec: command })).not.toHaveProperty('PYTHONPATH');
  });

  test('python is python3 only where a machine has no other', () => {
    const has =
      (...paths: string[]) =>
      (path: string): boolean =>
        paths.includes(path);
    const words = ['python', '-u', 'train.py'];
    const path = '/a:/b';
    expect(withPythonOf(words, { path, exists: has('/b/python3') })).toEqual(['python3', '-u', 'train.py']);
    expect(withPythonOf(words, { path, exists: has('/b/python', '/a/python3') })).toEqual(words);
    expect(withPythonOf(words, { path, exists: has() })).toEqual(words);
    expect(withPythonOf(['./python'], { path, exists: has('/a/python3') })).toEqual(['./python']);
  });
});
