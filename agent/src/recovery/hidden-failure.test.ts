import { expect, test } from 'vitest';
import { lastWordsOfFailure } from './hidden-failure.ts';

const output = (text: string): readonly string[] => text.split(/[\r\n]/).filter((line) => line.trim() !== '');

const TRACEBACK = `Traceback (most recent call last):
  File "/home/ubuntu/p/train.py", line 16, in <module>
    if "--crash" in sys.argv and step == 30: raise RuntimeError("loss is nan")
                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
RuntimeError: loss is nan`;
const CAUGHT = TRACEBACK.replace('loss is nan', 'a batch of zeros');

/** Ends of outputs as the programs print them (Python 3.11 to 3.13, torch 2.4, tqdm 4.66, dash, bash 5.2, Node 24). */
test.each<[what: string, output: string, words: string]>([
  ['a traceback of Python', `step 29\nstep 30\n${TRACEBACK}`, 'RuntimeError: loss is nan'],
  [
    'an exception without a message',
    TRACEBACK.replace('RuntimeError: loss is nan', 'KeyboardInterrupt'),
    'KeyboardInterrupt',
  ],
  [
    'a syntax error, which has no traceback',
    '  File "/home/ubuntu/p/train.py", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax',
    'SyntaxError: invalid syntax',
  ],
  [
    'an exception while another one was handled',
    `${CAUGHT}\n\nDuring handling of the above exception, another exception occurred:\n\n${TRACEBACK}`,
    'RuntimeError: loss is nan',
  ],
  [
    'an exception of a class that is not called an error',
    TRACEBACK.replace('RuntimeError: loss', 'trainer.state.LossIsNan: loss'),
    'trainer.state.LossIsNan: loss is nan',
  ],
  [
    "an exception with details, and PyTorch's words behind it",
    TRACEBACK.replace(
      'RuntimeError: loss is nan',
      'RuntimeError: Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight: torch.Size([2])',
    ),
    'RuntimeError: Error(s) in loading state_dict for Net:',
  ],
  [
    'CUDA out of memory in a rank',
    `[rank0]: Traceback (most recent call last):
[rank0]:   File "/home/ubuntu/p/train.py", line 9, in <module>
[rank0]:     loss.backward()
[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB
[rank0]:[W1130 10:00:01.123456789 ProcessGroupNCCL.cpp:1250] Warning: WARNING: process group has NOT been destroyed`,
    'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB',
  ],
  [
    'an assertion on the device',
    `${TRACEBACK.replace('RuntimeError: loss is nan', 'RuntimeError: CUDA error: device-side assert triggered')}
CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
Compile with \`TORCH_USE_CUDA_DSA\` to enable device-side assertions.`,
    'RuntimeError: CUDA error: device-side assert triggered',
  ],
  [
    'torchrun',
    `ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: 1) local_rank: 0 (pid: 41) of binary: /usr/bin/python3
Traceback (most recent call last):
  File "/usr/local/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError: 
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
  <NO_OTHER_FAILURES>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-30_10:00:00
  host      : ip-10-0-0-1
  rank      : 0 (local_rank: 0)
  exitcode  : 1 (pid: 41)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
============================================================`,
    'torch.distributed.elastic.multiprocessing.errors.ChildFailedError:',
  ],
  [
    'a bar that is drawn once more',
    ` 31%|███       | 31/100 [00:03<00:07,  9.7it/s]${TRACEBACK}\r 31%|███       | 31/100 [00:03<00:07,  9.6it/s]`,
    'RuntimeError: loss is nan',
  ],
  [
    'hydra',
    `Error executing job with overrides: ['lr=0.1']\n${TRACEBACK}\n\nSet the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.`,
    'RuntimeError: loss is nan',
  ],
  [
    'a tracker behind it',
    `${TRACEBACK}\nwandb: \nwandb: 🚀 View run at: https://wandb.ai/x`,
    'RuntimeError: loss is nan',
  ],
  ['the memory killer, as dash tells it', 'step 12\nKilled', 'Killed'],
  ['a crash, as a shell tells it', 'step 12\nSegmentation fault (core dumped)', 'Segmentation fault (core dumped)'],
  [
    'a crash, as bash tells it',
    'step 12\nrun.sh: line 4: 31847 Segmentation fault      python3 train.py',
    'run.sh: line 4: 31847 Segmentation fault      python3 train.py',
  ],
  [
    'a crash inside a library',
    `Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f1 (most recent call first):\n  File "/p/train.py", line 3 in <module>\n\nExtension modules: numpy.core._multiarray_umath (total: 1)`,
    'Fatal Python error: Segmentation fault',
  ],
  [
    'an option that does not exist',
    'usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --rl 3',
    'train.py: error: unrecognized arguments: --rl 3',
  ],
  [
    'a program that does not exist',
    'run.sh: line 3: torchrun: command not found',
    'run.sh: line 3: torchrun: command not found',
  ],
  ['Node', 'Error: no loss\n    at train (/p/train.mjs:3:7)\n\nNode.js v24.4.0', 'Node.js v24.4.0'],
  ['a coloured traceback', `\u001b[31m${TRACEBACK}\u001b[0m`, 'RuntimeError: loss is nan'],
])('finds the last words of a failure: %s', (_what, text, words) => {
  expect(lastWordsOfFailure(output(text))).toBe(words);
});

test.each<[what: string, output: string]>([
  ['nothing', ''],
  ['a log', 'step 199 loss 0.31\nstep 200 loss 0.30'],
  ['a word of the field', 'step 200\nError rate: 0.1'],
  ['a name like that of an exception', 'Epoch: 3\nTestError: 0.12\nValidationError'],
  ['an exception that was told, and the training after it', `step 3\n${CAUGHT}\nstep 4\nstep 5`],
  ['one word after an exception that was told', `${CAUGHT}\nTraining complete.`],
  ['indented words after one', `${CAUGHT}\n  epoch 4: loss 0.2`],
  [
    'a bar that moves on after one',
    `${CAUGHT}\r 40%|████      | 40/100 [00:04<00:06,  9.7it/s]\r 41%|████      | 41/100 [00:04<00:06,  9.7it/s]`,
  ],
  ['a bar that is full after one', `${CAUGHT}\r100%|██████████| 100/100 [00:10<00:00,  9.7it/s]`],
  [
    'an exception that a logger told',
    `step 200\n2026-11-30 10:00:00 ERROR upload: could not reach the tracker\n${CAUGHT}`,
  ],
  [
    'one of logging itself',
    `step 200\nERROR:root:the tracker is away\n${CAUGHT}\n\nDuring handling of the above exception, another exception occurred:\n\n${TRACEBACK}`,
  ],
  [
    'a destructor at the end',
    `step 200\nException ignored in: <function _MultiProcessingDataLoaderIter.__del__ at 0x7f>\n${TRACEBACK.replace('RuntimeError', 'AssertionError')}`,
  ],
  ['a thread that died', `step 200\nException in thread Thread-3 (upload):\n${TRACEBACK}`],
  [
    'a task that nobody waited for',
    `step 200\nTask exception was never retrieved\nfuture: <Task finished name='Task-1'>\n${TRACEBACK}`,
  ],
  ['a stack that was printed', '  File "/p/train.py", line 3, in <module>\n    traceback.print_stack()\nEpoch: 3'],
  ['a warning', '/p/train.py:3: UserWarning: the loss is high\n  warnings.warn("the loss is high")'],
  [
    'a helper that the script ended',
    'step 200\nrun.sh: line 7: 31999 Killed                  tensorboard --logdir logs',
  ],
  [
    'a helper that was told to end',
    'step 200\nrun.sh: line 7: 31999 Terminated              tensorboard --logdir logs',
  ],
  ['a file that is called so', 'step 200\nKilled 3 workers, saved 12 files'],
  ['how a program is used, and a training after it', 'usage: train.py [-h]\nstep 200'],
  [
    "a watchdog's look at its threads",
    'step 199\nTimeout (0:01:00)!\nThread 0x00007f1 (most recent call first):\n  File "/p/train.py", line 3 in <module>',
  ],
  ['a failure that was tried again', `${TRACEBACK}\nretrying\nstep 200`],
])('accuses nobody of %s', (_what, text) => {
  expect(lastWordsOfFailure(output(text))).toBeNull();
});
