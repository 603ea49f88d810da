import { describe, expect, test } from 'vitest';
import { failureReason, type LastWords } from './failure-reason.ts';

const words = (code: number | null, ...lines: string[]): LastWords => ({
  exit: { code, signal: null },
  lines,
  interpreter: '/usr/bin/python3 (Python 3.12.3)',
  isOfProject: (name) => name === 'mine',
});

/** As Python ends with an exception that nothing caught. */
const uncaught = (error: string): string[] => [
  'Traceback (most recent call last):',
  '  File "/home/ubuntu/p/train.py", line 1, in <module>',
  '    import it',
  error,
];
const ofRank = (lines: readonly string[]): string[] => lines.map((line) => `[rank1]: ${line}`);
const LAUNCHER = [
  'E1130 torch/distributed/elastic/multiprocessing/api.py:833] failed (exitcode: 1) local_rank: 1',
  ...uncaught('torch.distributed.elastic.multiprocessing.errors.ChildFailedError: '),
  '  rank      : 1 (local_rank: 1)',
];
/** As Node ends with an error that nothing caught. */
const ofNode = (error: string): string[] => [
  'node:internal/modules/cjs/loader:1386',
  '  throw err;',
  '  ^',
  error,
  'Require stack:',
  '- /home/ubuntu/p/train.js',
  '    at Module._resolveFilename (node:internal/modules/cjs/loader:1383:15) {',
  "  code: 'MODULE_NOT_FOUND',",
  '}',
  'Node.js v24.1.0',
];

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
    words(1, ...uncaught("ModuleNotFoundError: No module named 'torch'")),
    "No module named 'torch' for /usr/bin/python3 (Python 3.12.3)",
    /not installed by runctl yet/,
  ],
  [
    'a part of a package of the project',
    words(1, ...uncaught("ModuleNotFoundError: No module named 'mine.data'")),
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
    words(1, ...ofRank(uncaught("ModuleNotFoundError: No module named 'apex'")), ...LAUNCHER),
    "No module named 'apex' for /usr/bin/python3 (Python 3.12.3)",
    /has apex,/,
  ],
  [
    'a module that a launcher does not find',
    words(1, '/usr/bin/python3: No module named apex', ...LAUNCHER),
    "No module named 'apex' for /usr/bin/python3 (Python 3.12.3)",
    /has apex,/,
  ],
  [
    'a package that lacked while another error was handled',
    words(
      1,
      ...uncaught('OSError: no file'),
      '',
      'During handling of the above exception, another exception occurred:',
      '',
      ...uncaught("ModuleNotFoundError: No module named 'boto3'"),
    ),
    "No module named 'boto3' for /usr/bin/python3 (Python 3.12.3)",
    /has boto3,/,
  ],
  [
    'a relative import',
    words(1, ...uncaught('ImportError: attempted relative import with no known parent package')),
    'a relative import outside of its package',
    /-m package\.module/,
  ],
  [
    'a library of CUDA',
    words(1, ...uncaught('ImportError: libcudart.so.11.0: cannot open shared object file: No such file or directory')),
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
  ['a package of Node', words(1, ...ofNode("Error: Cannot find module 'tfjs'")), "Cannot find 'tfjs'", /node_modules/],
  [
    'a package of a module of Node',
    words(
      1,
      ...ofNode("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'tfjs' imported from /home/ubuntu/p/train.mjs"),
    ),
    "Cannot find 'tfjs'",
    /node_modules/,
  ],
])('names %s', (_what, last, reason, advice) => {
  expect(failureReason(last)).toMatchObject({ what: reason, advice: expect.stringMatching(advice) });
});

const MISSING: readonly (readonly [what: string, code: number, lines: readonly string[]])[] = [
  ['a module', 1, uncaught("ModuleNotFoundError: No module named 'torch'")],
  ['a module to start', 1, ['/usr/bin/python3: No module named torch.distributed']],
  ['a package around it', 1, uncaught('ImportError: attempted relative import with no known parent package')],
  [
    'a library of a module',
    1,
    uncaught('ImportError: libcudart.so.11.0: cannot open shared object file: No such file'),
  ],
  [
    'a library',
    127,
    ['./prog: error while loading shared libraries: libgomp.so.1: cannot open shared object file: No such'],
  ],
  ['a package of Node', 1, ofNode("Error: Cannot find module 'tfjs'")],
];

describe.each(MISSING)('%s is missing', (_what, code, lines) => {
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
    expect(failureReason({ ...words(code, ...lines), interpreter })).toMatchObject({ isHopeless });
  });
});

test.each(['/usr/bin/bash (GNU bash, version 5.2.15)', '/home/me/.pyenv/shims/pyenv', null])(
  'blames no module on %s, which is no Python',
  (interpreter) => {
    const last = { ...words(1, ...uncaught("ModuleNotFoundError: No module named 'torch'")), interpreter };
    expect(failureReason(last)?.what).toBe("No module named 'torch'");
  },
);

const SURVIVED = uncaught("ModuleNotFoundError: No module named 'flash_attn'");

test.each<[what: string, last: LastWords]>([
  ['that it ended well', words(0, ...SURVIVED)],
  ['another error that came later', words(1, ...SURVIVED, ...uncaught('ValueError: bad shape'))],
  ['an error whose name does not tell', words(1, ...SURVIVED, 'step 1', ...uncaught('socket.timeout: timed out'))],
  ['an exit that a module came before which was only tried', words(1, ...SURVIVED, 'step 1', 'no such dataset: c4')],
  ['a module that was only tried, and a training that went on', words(1, ...SURVIVED, 'step 1')],
  ['a module that a logger told of', words(1, 'ERROR:root:no flash attention', ...SURVIVED)],
  ['a module that was named in passing', words(1, "using eager attention: No module named 'flash_attn'")],
  [
    'a module that a rank had only tried',
    words(1, ...ofRank([...SURVIVED, 'step 1', ...uncaught('socket.timeout: timed out')]), ...LAUNCHER),
  ],
  ['a package that Node had only tried', words(1, "Error: Cannot find module 'tfjs'", ...ofNode('TypeError: x: no'))],
  [
    'a library that was only tried before a module failed',
    words(
      1,
      ...uncaught('ImportError: libfoo.so.1: cannot open shared object file: No such file'),
      'slow path',
      ...uncaught('ValueError: bad shape'),
    ),
  ],
  ['a number that only looks like it', words(1, 'step 127: not found')],
  ['nothing', words(1)],
  [
    'death by a signal after a module that was only tried',
    { ...words(null, ...SURVIVED), exit: { code: null, signal: 'SIGKILL' } },
  ],
  ['a death by a signal that a shell tells', words(137, ...SURVIVED)],
])('says nothing of %s', (_what, last) => {
  expect(failureReason(last)).toBeNull();
});
