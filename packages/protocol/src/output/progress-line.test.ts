import { expect, test } from 'vitest';
import { OutputLines } from './output-lines.ts';
import { readProgressLine } from './progress-line.ts';

const ESC = '\u001b';

/** What the line tells, without what it doesn't. */
function told(line: string): Record<string, unknown> {
  const { bar, ...rest } = readProgressLine(line) ?? { bar: null };
  const shown = Object.entries(rest).filter(([, value]) => value !== null);
  const drawn = bar === null ? {} : { bar: `${bar.at} of ${bar.total}, ${bar.counts}` };
  return { ...Object.fromEntries(shown), ...drawn };
}

test.each<[string, Record<string, unknown>]>([
  ['step 120 loss 2.3104 lr 3.0e-04', { step: 120 }],
  ['Step: 1,200/5,000 | train loss: 1.92 | val loss: 2.01', { step: 1200, total: 5000 }],
  ['iter 340: loss 2.7712, time 118.40ms, mfu 21.30%', { step: 340 }],
  ['global_step=77 loss=0.51 acc=0.88', { step: 77 }],
  ["{'loss': '2.345', 'grad_norm': '1.21', 'learning_rate': '4.9e-05', 'epoch': '0.12'}", { epoch: 0.12 }],
  ["{'eval_loss': 1.93, 'eval_runtime': 3.2, 'epoch': 1.0}", { epoch: 1 }],
  [' 12%|█▏        | 60/500 [00:10<01:13,  5.98it/s]', { bar: '60 of 500, training' }],
  [
    'Epoch 3:  50%|█████     | 50/100 [00:12<00:12,  4.17it/s, v_num=0, train_loss=0.731]',
    { epoch: 3, bar: '50 of 100, epoch' },
  ],
  [' 90/188 ━━━━ 2s 25ms/step - accuracy: 0.8123 - loss: 0.6120', { bar: '90 of 188, epoch' }],
  ['188/188 - 5s - 26ms/step - accuracy: 0.8712 - loss: 0.4411 - val_loss: 0.4020', { bar: '188 of 188, epoch' }],
  ['20/20 - 2s - 120ms/step - loss: 0.4', { bar: '20 of 20, epoch' }],
  ['[17]\ttrain-rmse:0.28136\tvalid-rmse:0.29911', { step: 17 }],
  ["[10]\tvalid_0's l2: 0.24", { step: 10 }],
  ['{"step": 900, "loss": 1.234, "tokens_per_s": 48210}', { step: 900 }],
  ['{"epoch": 2, "loss": "3.412", "ppl": "10.64", "num_updates": "1200", "lr": "0.00025"}', { epoch: 2, step: 1200 }],
  [
    '       3/50      2.31G      1.102       640: 100%|██████████| 120/120 [00:31<00:00,  3.81it/s]',
    { epoch: 3, bar: '120 of 120, epoch' },
  ],
  ['2026-11-22 10:00:03,117 INFO trainer: epoch=4 step=2048 loss=nan lr=1e-05', { epoch: 4, step: 2048 }],
  ['[rank1]: step 120 loss 2.4', {}],
  ['[rank0]: step 120 loss 2.4', { step: 120 }],
  ['Epoch [2/10], Step [300/938], Loss: 0.1934', { epoch: 2 }],
  ['epoch 3 | step 4500 | loss 0.88 | 1.9 it/s', { epoch: 3, step: 4500 }],
  ['Map:  40%|████      | 4000/10000 [00:01<00:02, 2500.00 examples/s]', { bar: '4000 of 10000, other' }],
  ['Loading checkpoint shards: 100%|██████████| 3/3 [00:04<00:00,  1.51s/it]', { bar: '3 of 3, other' }],
  ['  Total optimization steps = 5,000', { total: 5000 }],
  ['warmup_steps=500 max_steps: 1000', { total: 1000 }],
  ['num_warmup_steps: 500', {}],
  ['num_training_steps: 10000', { total: 10000 }],
  ['`Trainer.fit` stopped: `max_steps=300` reached.', { total: 300 }],
  ['saving every 200 steps, 3 kept', {}],
  ['time per step 0.25', {}],
  ['listening on http://127.0.0.1:6006', {}],
  ['Namespace(lr=0.1, epochs=3)', {}],
  ['Namespace(max_steps=300, warmup_steps=30, quiet=False)', {}],
])('a line that scripts of the field print: %s', (line, expected) => {
  expect(told(line)).toEqual(expected);
});

test.each<[string, Record<string, unknown>]>([
  ['timestep 9', {}],
  ['footsteps 5', {}],
  ['eval_step=100', {}],
  ['save_step: 500', {}],
  ['  --step 5   stop there', {}],
  ['stepsize 3', {}],
  ['step size 0.1', {}],
  ['step 120ms', {}],
  ['step 0.25 s', {}],
  ['step 12:30', {}],
  ['step 2026-11-22', {}],
  ['step 50%', {}],
  ['steps: 300', {}],
  ['last step 400', {}],
  ['resumed from checkpoint at step 400', {}],
  ['saved step 3', {}],
  ['Loading weights of step 12', {}],
  ['step 300: checkpoint saved', { step: 300 }],
  ['step 12.', { step: 12 }],
  ['[step 12] loss', { step: 12 }],
  ['step #12', { step: 12 }],
  ['train/step: 7', { step: 7 }],
  ['trainer/global_step=77', { step: 77 }],
  ['Training step 5 of 10', { step: 5, total: 10 }],
  ['I1130 10:00:00 train.py:12] step=7, "loss": 3', { step: 7 }],
  ['INFO {"step": 12, "loss": 0.2}', { step: 12 }],
  ['{"global_step": 7, "step": 8}', { step: 7 }],
  ['{"step": "twelve"}', {}],
  ['{"__proto__": {"step": 3}}', {}],
  ['120it [00:10, 11.2it/s]', { bar: '120 of null, training' }],
  ['Steps:   5%|▌         | 50/1000 [00:12<03:48, 4.17it/s, loss=0.1]', { bar: '50 of 1000, training' }],
  ['Generating train split: 100%|███| 900/900 [00:01<00:00]', { bar: '900 of 900, other' }],
  ['3:\tlearn: 0.6921\ttotal: 51ms', { step: 3 }],
  ['TrainingArguments(max_steps=500, step=4)', {}],
  ['training will stop at step 1000', {}],
  ['lr decay at step 5000', {}],
  ['best loss 0.2 at step 300', {}],
  ['step 500 loss 0.3, best step 300', { step: 500 }],
  ['| epoch 001: 100 / 2000 loss=3.2, num_updates=1200, lr=0.1', { epoch: 1, step: 1200 }],
  ['Epoch(train)  [3][ 50/936]  lr: 1.0e-02  loss: 0.7', { epoch: 3 }],
  ['Iter(train) [  100/40000]  lr: 1.0e-02  loss: 0.7', { step: 100, total: 40_000 }],
  ['Iter(val) [ 100/500]', {}],
  ['|    total_timesteps      | 2048        |', { step: 2048 }],
  ['total_timesteps=100000', {}],
  [' iteration       10/    1000 | consumed samples:  160', { step: 10, total: 1000 }],
  ['INFO:tensorflow:loss = 0.5, step = 100 (1.2 sec)', { step: 100 }],
  ['INFO:tensorflow:global_step/sec: 12.3', {}],
  ['[11/22 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.3', { step: 19 }],
  ['Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.29', { epoch: 1 }],
  ['Step[12/500] loss 1', { step: 12, total: 500 }],
])('a line that is easily misread: %s', (line, expected) => {
  expect(told(line)).toEqual(expected);
});

// Quadratic reading of these would take minutes, and the test would run out of time.
test('the time to read a hostile line grows with its length alone', () => {
  const hostile = ['a_'.repeat(30_000), 'step '.repeat(12_000), '1'.repeat(60_000), `{'${"a':'".repeat(10_000)}}`];
  for (const line of [...hostile, '0%|'.repeat(20_000), 'epoch '.repeat(10_000)])
    for (let times = 0; times < 40; times += 1) expect(() => readProgressLine(line)).not.toThrow();
});

test('lines are what a person would see', () => {
  const lines = new OutputLines();
  const push = (text: string): readonly string[] => lines.push(Buffer.from(text));
  expect(push('one\r\ntwo\rthr')).toEqual(['one', 'two']);
  expect(push(`ee${ESC}[1m bold${ESC}[0m\b\b\b\n${ESC}]0;title\u0007four\n\n`)).toEqual(['three bold', 'four']);
  const split = Buffer.from('schön\n');
  expect([...lines.push(split.subarray(0, 4)), ...lines.push(split.subarray(4))]).toEqual(['schön']);
});

test('a line without an end is cut, and the one after it is whole', () => {
  const lines = new OutputLines();
  for (let piece = 0; piece < 20; piece += 1) expect(lines.push(Buffer.alloc(16 * 1024, 'x'))).toEqual([]);
  const [long, next] = lines.push(Buffer.from('\nstep 3\n'));
  expect([long?.length, next]).toEqual([64 * 1024, 'step 3']);
});
