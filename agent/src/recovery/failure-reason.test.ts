import { describe, expect, test } from 'vitest';
import { failureReason, type LastWords } from './failure-reason.ts';

const words = (code: number | null, ...lines: string[]): LastWords => ({
  exit: { code, signal: null },
  lines,
  interpreter: '/usr/bin/python3 (Python 3.12.3)',
  isOfProject: (name) => name === 'mine',
});

/** Last lines as the programs print them (Python 3.11 to 3.13, dash, bash 5.2, util-linux 2.39, Node 24, torchrun 2.4). */
test.each<[what: string, last: LastWords, reason: string, advice: RegExp]>([
  [
    'a program that setsid does not find',
    words(127, 'setsid: failed to execute uv: No such file or directory'),
    'command not found: uv',
    /no uv in its PATH/,
  ],
  [
    'a program that setpriv does not find',
    words(127, 'setpriv: failed to execute python: No such file or directory'),
    'command not found: python',
    /may be called python3/,
  ],
  ['bash', words(127, 'run.sh: line 3: nvcc: command not found'), 'command not found: nvcc', /no nvcc/],
  ['dash', words(127, 'sh: 1: conda: not found'), 'command not found: conda', /no conda/],
  ['env', words(127, 'env: ‘torchrun’: No such file or directory'), 'command not found: torchrun', /no torchrun/],
  [
    'lines as on Windows',
    words(127, "/usr/bin/env: 'bash\r': No such file or directory"),
    'command not found: bash\\r',
    /end as on Windows/,
  ],
  [
    'a path',
    words(127, 'setsid: failed to execute ./run: No such file or directory'),
    'command not found: ./run',
    /#! line/,
  ],
  ['a code without a word', words(127), 'command not found', /lacks a program/],
  [
    'a file that may not be executed',
    words(126, 'setsid: failed to execute ./run: Permission denied'),
    'not executable: ./run',
    /chmod/,
  ],
  [
    'a package',
    words(1, 'Traceback (most recent call last):', "ModuleNotFoundError: No module named 'torch'"),
    "No module named 'torch' for /usr/bin/python3 (Python 3.12.3)",
    /not installed by runctl yet/,
  ],
  [
    'a part of a package of the project',
    words(1, "ModuleNotFoundError: No module named 'mine.data'"),
    "No module named 'mine.data' for /usr/bin/python3 (Python 3.12.3)",
    /mine lies in the project/,
  ],
  [
    'a module that -m does not find',
    words(1, '/usr/bin/python3: No module named torch.distributed'),
    "No module named 'torch.distributed' for /usr/bin/python3 (Python 3.12.3)",
    /has torch,/,
  ],
  [
    'a package above which -m fails',
    words(
      1,
      "/usr/bin/python3: Error while finding module specification for 'a.b' (ModuleNotFoundError: No module named 'a')",
    ),
    "No module named 'a' for /usr/bin/python3 (Python 3.12.3)",
    /has a,/,
  ],
  [
    'a rank of a launcher',
    words(
      1,
      "[rank1]: ModuleNotFoundError: No module named 'apex'",
      'E1130 torch/distributed/elastic/multiprocessing/api.py:833] failed (exitcode: 1) local_rank: 1',
      'torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ',
      '  rank      : 1 (local_rank: 1)',
    ),
    "No module named 'apex' for /usr/bin/python3 (Python 3.12.3)",
    /has apex,/,
  ],
  [
    'a relative import',
    words(1, 'ImportError: attempted relative import with no known parent package'),
    'a relative import outside of its package',
    /-m package\.module/,
  ],
  [
    'a library of CUDA',
    words(1, 'ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory'),
    'the machine has no libcudart.so.11.0',
    /Deep Learning AMI/,
  ],
  [
    'a library of a program',
    words(
      127,
      './prog: error while loading shared libraries: libgomp.so.1: cannot open shared object file: No such file',
    ),
    'the machine has no libgomp.so.1',
    /image that has it/,
  ],
  ['a package of Node', words(1, "Error: Cannot find module 'tfjs'"), "Cannot find 'tfjs'", /node_modules/],
  [
    'a package of a module of Node',
    words(1, "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'tfjs' imported from /home/ubuntu/p/train.mjs"),
    "Cannot find 'tfjs'",
    /node_modules/,
  ],
])('names %s', (_what, last, reason, advice) => {
  expect(failureReason(last)).toMatchObject({ what: reason, advice: expect.stringMatching(advice) });
});

const MISSING: readonly (readonly [code: number, line: string])[] = [
  [1, "ModuleNotFoundError: No module named 'torch'"],
  [1, '/usr/bin/python3: No module named torch.distributed'],
  [1, 'ImportError: attempted relative import with no known parent package'],
  [1, 'ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory'],
  [127, './prog: error while loading shared libraries: libgomp.so.1: cannot open shared object file: No such file'],
  [1, "Error: Cannot find module 'tfjs'"],
];

describe.each(MISSING)('exit code %i and "%s"', (code, line) => {
  test.each([
    ['/usr/bin/python3 (Python 3.12.3)', true],
    ['/home/me/.local/bin/uv', true],
    ['/usr/bin/node (v24.1.0)', true],
    ['/usr/bin/make', true],
    // Its line before may have failed to install it, and may not the next time.
    ['/usr/bin/bash (GNU bash, version 5.2.15)', false],
    ['/bin/sh', false],
    ['/usr/bin/zsh (zsh 5.9)', false],
    [null, false],
  ])('under %s: hopeless %s', (interpreter, isHopeless) => {
    expect(failureReason({ ...words(code, line), interpreter })).toMatchObject({ isHopeless });
  });
});

test.each(['/usr/bin/bash (GNU bash, version 5.2.15)', '/home/me/.pyenv/shims/pyenv', null])(
  'blames no module on %s, which is no Python',
  (interpreter) => {
    const last = { ...words(1, "ModuleNotFoundError: No module named 'torch'"), interpreter };
    expect(failureReason(last)?.what).toBe("No module named 'torch'");
  },
);

test.each<[what: string, last: LastWords]>([
  ['that it ended well', words(0, "ModuleNotFoundError: No module named 'torch'")],
  ['another error that came later', words(1, "ModuleNotFoundError: No module named 'x'", 'ValueError: bad shape')],
  ['a number that only looks like it', words(1, 'step 127: not found')],
  ['nothing', words(1)],
  [
    'death by a signal after a module that was only tried',
    { ...words(null, "ModuleNotFoundError: No module named 'flash_attn'"), exit: { code: null, signal: 'SIGKILL' } },
  ],
  ['a death by a signal that a shell tells', words(137, "ModuleNotFoundError: No module named 'flash_attn'")],
])('says nothing of %s', (_what, last) => {
  expect(failureReason(last)).toBeNull();
});
