import { expect, test } from 'vitest';
import { isIgnoredName, isSideFile, stepInName } from './names.ts';

test.each([
  ['checkpoint-500', 500],
  ['checkpoint_500', 500],
  ['checkpoint-1000', 1000],
  ['step_0500', 500],
  ['step=12.pt', 12],
  ['global_step500', 500],
  ['iter_0000500', 500],
  ['epoch=3-step=500.ckpt', 500],
  ['hpc_ckpt_3.ckpt', 3],
  ['ckpt-7.index', 7],
  ['ckpt-7.data-00000-of-00002', 7],
  ['500', 500],
  ['weights.05.keras', 5],
  ['model_500.ubj', 500],
  ['model-500.safetensors', 500],
  ['epoch_4.pt', 4],
  ['mystep500x', null],
  ['model.pt', null],
  ['last.ckpt', null],
  ['model-00001-of-00002.safetensors', null],
  ['rng_state_0.pth', null],
  ['rank_3.pt', null],
  ['shard-7.npz', null],
  ['version_0', null],
  ['llama7b', null],
  ['checkpoint-99999999999999999999', null],
])('the step in %s is %s', (name, step) => {
  expect(stepInName(name)).toBe(step);
});

test.each(['model.pt.tmp', 'model.tmp123.pt', 'a.part', '.hidden', '.model.pt.swp', 'tmp-checkpoint-5', 'model.pt~'])(
  '%s is never looked at',
  (name) => {
    expect(isIgnoredName(name)).toBe(true);
  },
);

test('an Orbax folder that is still temporary is never looked at', () => {
  expect(isIgnoredName('500.orbax-checkpoint-tmp-17')).toBe(true);
  expect(isIgnoredName('500')).toBe(false);
});

test('logs and plots are side files wherever they lie, weights are not', () => {
  for (const path of ['train.log', 'events.out.tfevents.17.host', 'wandb/run/x.bin', 'runs/a/b', 'metrics.jsonl'])
    expect(isSideFile(path)).toBe(true);
  for (const path of ['model.pt', 'vocab.json', 'latest', 'checkpoint-5/model.bin', 'logs'])
    expect(isSideFile(path)).toBe(false);
});
