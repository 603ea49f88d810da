import { describe, expect, test } from 'vitest';
import { zipOf } from '../../testing/test-world.ts';
import { shapeOf } from '../../look/shape.ts';
import { judged, SETTLE_MS, type Situation, type WrittenFile } from '../fixtures/fixture-world.ts';

const running: Situation = { name: 'running', stillMs: SETTLE_MS, ended: null };
const longStill: Situation = { name: 'still for an hour', stillMs: 3_600_000, ended: null };
const killed: Situation = { name: 'killed', stillMs: 0, ended: { clean: false, atMs: 3_600_000 } };

/** Files of these names, written a second after each other in this order, each with content that is whole. */
function written(...paths: readonly string[]): readonly WrittenFile[] {
  return paths.map((path, index) => {
    const [name = '', text] = path.split(' = ');
    return { path: name, mtimeMs: index * 1000, bytes: text === undefined ? contentOf(name) : Buffer.from(text) };
  });
}

function contentOf(path: string): Buffer {
  if (path.endsWith('.json')) return Buffer.from('{}');
  if (path.endsWith('.safetensors')) return Buffer.from('\u0002\0\0\0\0\0\0\0{}', 'latin1');
  return /\.(?:pt|pth|bin|pkl|ckpt|distcp)$/.test(path) ? zipOf('weights') : Buffer.from('text');
}

const metadataNaming = (...shards: readonly string[]): string => `.metadata = \u0080\u0002${shards.join(' ')}.`;

async function verdicts(files: readonly WrittenFile[], situation: Situation = running) {
  return (await judged(files, situation)).map(({ candidate, verdict }) => ({
    recogniser: candidate.recogniser,
    entry: candidate.entry,
    step: candidate.step,
    complete: verdict.complete,
    why: verdict.complete ? verdict.evidence : verdict.why,
  }));
}

const HF = ['config.json', 'model.safetensors', 'training_args.bin', 'optimizer.pt', 'scheduler.pt'];
const hf = (step: number, ...more: readonly string[]): readonly string[] =>
  [...HF, ...more].map((name) => `out/checkpoint-${step}/${name}`);

describe('Hugging Face Trainer', () => {
  test('of several ranks all below the highest number must be there, and more than one', async () => {
    const state = 'trainer_state.json';
    const whole = written(...hf(5, 'rng_state_0.pth', 'rng_state_1.pth', state));
    expect(await verdicts(whole)).toMatchObject([{ entry: 'out/checkpoint-5', complete: true }]);
    expect(await verdicts(written(...hf(5, 'rng_state_0.pth', state)))).toMatchObject([
      { complete: false, why: 'out/checkpoint-5/rng_state_1.pth is missing' },
    ]);
    expect(await verdicts(written(...hf(5, 'rng_state_0.pth', 'rng_state_2.pth', state)))).toMatchObject([
      { complete: false },
    ]);
    expect(await verdicts(whole, killed)).toMatchObject([
      { complete: false, why: expect.stringContaining('other ranks may still be writing') },
    ]);
  });

  test('a folder beside finished ones that has only just begun is a candidate, never somebody’s companion', async () => {
    const files = written(...hf(5, 'rng_state.pth', 'trainer_state.json'), 'out/checkpoint-10/notes.txt');
    expect(await verdicts(files)).toMatchObject([
      { step: 5, complete: true },
      { step: 10, complete: false },
    ]);
    const [whole] = await judged(files, running);
    expect(whole?.candidate.companions).toEqual([]);
  });

  test('saved without optimizer (save_only_model) it counts after a while, or when another looked so', async () => {
    const files = written(
      ...['config.json', 'model.safetensors', 'training_args.bin', 'trainer_state.json'].map(
        (name) => `checkpoint-5/${name}`,
      ),
    );
    expect(await verdicts(files)).toMatchObject([{ complete: false, why: expect.stringContaining('no optimizer') }]);
    expect(await verdicts(files, longStill)).toMatchObject([{ complete: true }]);
    const expectedShape = shapeOf(files);
    expect(await verdicts(files, { ...running, expectedShape })).toMatchObject([{ complete: true }]);
  });

  test('a script of its own that saves weights alone under that name is not held back for ever', async () => {
    const files = written('checkpoint-5/config.json', 'checkpoint-5/model.safetensors');
    expect(await verdicts(files)).toMatchObject([{ step: 5, complete: false }]);
    expect(await verdicts(files, longStill)).toMatchObject([{ step: 5, complete: true }]);
  });

  test('with sharded FSDP the shards inside are judged as well', async () => {
    const inside = (name: string): string => `checkpoint-5/${name}`;
    const shards = ['pytorch_model_fsdp_0', 'optimizer_0'].flatMap((folder) =>
      ['__0_0.distcp', metadataNaming('__0_0.distcp')].map((name) => inside(`${folder}/${name}`)),
    );
    const rest = ['scheduler.pt', 'rng_state.pth', 'trainer_state.json'].map(inside);
    expect(await verdicts(written(...shards, ...rest))).toMatchObject([{ recogniser: 'hf-trainer', complete: true }]);
    const without = [...shards.slice(0, 3), ...rest];
    expect(await verdicts(written(...without))).toMatchObject([
      { complete: false, why: 'checkpoint-5/optimizer_0/.metadata, which is written last, is missing' },
    ]);
  });

  test('with DeepSpeed inside its folder and tracker count', async () => {
    const rest = ['training_args.bin', 'rng_state.pth', 'trainer_state.json'];
    const names = [
      'global_step5/mp_rank_00_model_states.pt',
      'global_step5/zero_pp_rank_0_mp_rank_00_optim_states.pt',
      'latest = global_step5',
      ...rest,
    ].map((name) => `checkpoint-5/${name}`);
    expect(await verdicts(written(...names))).toMatchObject([{ recogniser: 'hf-trainer', step: 5, complete: true }]);
    expect(await verdicts(written(...names.slice(1)))).toMatchObject([{ complete: false }]);
  });
});

describe('Accelerate', () => {
  const save = (...names: readonly string[]) => written(...names.map((name) => `step_7/${name}`));

  test('without a scheduler it counts after a while only, since it may be being deleted', async () => {
    const files = save('model.safetensors', 'optimizer.bin', 'random_states_0.pkl');
    expect(await verdicts(files)).toMatchObject([{ recogniser: 'accelerate', step: 7, complete: false }]);
    expect(await verdicts(files, longStill)).toMatchObject([{ complete: true }]);
    expect(await verdicts(files, killed)).toMatchObject([{ complete: false }]);
  });

  test('weights in folders of their own count, and registered objects have no gap', async () => {
    const names = ['unet/model.safetensors', 'optimizer.bin', 'scheduler.bin', 'random_states_0.pkl'];
    expect(await verdicts(save(...names))).toMatchObject([{ complete: true }]);
    expect(await verdicts(save(...names, 'custom_checkpoint_1.pkl'))).toMatchObject([
      { complete: false, why: 'step_7/custom_checkpoint_0.pkl is missing' },
    ]);
  });
});

describe('torch.distributed.checkpoint', () => {
  test('several of one step are one checkpoint, in the folder that they share', async () => {
    const part = (folder: string): readonly string[] => [
      `${folder}/__0_0.distcp`,
      `${folder}/${metadataNaming('__0_0.distcp')}`,
    ];
    expect(await verdicts(written(...part('step_5/model'), ...part('step_5/optim')))).toMatchObject([
      { entry: 'step_5', step: 5, complete: true },
    ]);
    expect(await verdicts(written(...part('generator/step_5'), ...part('critic/step_5')))).toMatchObject([
      { entry: '.', step: 5, complete: true },
    ]);
    expect(await verdicts(written(...part('model'), ...part('optim')))).toMatchObject([
      { entry: '.', step: null, complete: true },
    ]);
    expect(await verdicts(written(...part('model'), 'optim/__0_0.distcp'))).toMatchObject([
      { entry: '.', complete: false },
    ]);
  });

  test('shards that metadata names must be there, and none may be newer', async () => {
    const named = metadataNaming('__0_0.distcp', '__1_0.distcp');
    expect(await verdicts(written('__0_0.distcp', named))).toMatchObject([
      { complete: false, why: '__1_0.distcp, which .metadata names, is missing' },
    ]);
    const overwritten = written('__0_0.distcp', metadataNaming('__0_0.distcp'), '__0_0.distcp').slice(1);
    expect(await verdicts(overwritten)).toMatchObject([{ complete: false, why: expect.stringContaining('newer') }]);
    expect(await verdicts(overwritten, longStill)).toMatchObject([{ complete: true }]);
  });
});

describe('Lightning', () => {
  const head = (step: number): string =>
    `PK\u0003\u0004 X\u000b\0\0\0global_stepq\u0005K${String.fromCharCode(step)} pytorch-lightning_version `;
  const ckpt = (path: string, mtimeMs: number, step: number): WrittenFile => {
    const zip = zipOf(head(step));
    return { path, mtimeMs, bytes: zip };
  };

  test('last.ckpt counts by the step in it where no other has that step, and goes along where one has', async () => {
    const stepped = ckpt('epoch=0-step=5.ckpt', 0, 5);
    expect(await verdicts([stepped, ckpt('last.ckpt', 1000, 5)])).toMatchObject([
      { entry: 'epoch=0-step=5.ckpt', step: 5 },
    ]);
    expect(await verdicts([stepped, ckpt('last.ckpt', 1000, 9)])).toMatchObject([
      { entry: 'epoch=0-step=5.ckpt', step: 5 },
      { entry: 'last.ckpt', step: 9, complete: true },
    ]);
  });

  test('versions of one step are one candidate: the newest', async () => {
    const folder = 'lightning_logs/version';
    const found = await verdicts([
      ckpt(`${folder}_0/checkpoints/epoch=0-step=5.ckpt`, 0, 5),
      ckpt(`${folder}_1/checkpoints/epoch=0-step=5.ckpt`, 1000, 5),
    ]);
    expect(found).toMatchObject([{ entry: `${folder}_1/checkpoints/epoch=0-step=5.ckpt`, complete: true }]);
  });

  test('a .ckpt of somebody else is not its', async () => {
    expect(await verdicts(written('model.ckpt'))).toMatchObject([{ recogniser: 'torch-save', entry: 'model.ckpt' }]);
  });
});

describe('DeepSpeed and Megatron', () => {
  const save = (step: number): readonly string[] => [
    `global_step${step}/mp_rank_00_model_states.pt`,
    `global_step${step}/zero_pp_rank_0_mp_rank_00_optim_states.pt`,
    `global_step${step}/zero_pp_rank_1_mp_rank_00_optim_states.pt`,
  ];

  test('what latest names, or is older than latest, is complete; what is newer is not', async () => {
    const files = written(...save(5), ...save(10), 'latest = global_step10', ...save(15));
    expect(await verdicts(files)).toMatchObject([
      { recogniser: 'deepspeed', entry: 'global_step10', step: 10, complete: true },
      { step: 15, complete: false, why: expect.stringContaining('latest says "global_step10"') },
      { step: 5, complete: true },
    ]);
  });

  test('latest goes with each checkpoint as it named that one, and no gap between ranks is passed over', async () => {
    const files = written(...save(5), ...save(10), 'latest = global_step10');
    const texts = (await judged(files, running)).map(({ candidate: { step, trackers } }) => ({ step, trackers }));
    expect(texts).toMatchObject([
      { step: 10, trackers: [{ path: 'latest', text: 'global_step10' }] },
      { step: 5, trackers: [{ path: 'latest', text: 'global_step5' }] },
    ]);
    const gap = written(...save(5).filter((path) => !path.includes('rank_0_mp')), 'latest = global_step5');
    expect(await verdicts(gap)).toMatchObject([{ complete: false, why: expect.stringContaining('rank 0') }]);
  });

  test('without a tracker only long stillness tells', async () => {
    expect(await verdicts(written(...save(5)))).toMatchObject([{ complete: false }]);
    expect(await verdicts(written(...save(5)), longStill)).toMatchObject([{ complete: true }]);
  });

  test('Megatron: the iteration in its tracker, with and without shards of torch.distributed.checkpoint', async () => {
    const tracker = 'latest_checkpointed_iteration.txt = 500';
    const legacy = ['iter_0000500/mp_rank_00/model_optim_rng.pt', 'iter_0000500/mp_rank_01/model_optim_rng.pt'];
    expect(await verdicts(written(...legacy, tracker))).toMatchObject([
      { recogniser: 'megatron', step: 500, complete: true },
    ]);
    expect(await verdicts(written(legacy[1] ?? '', tracker))).toMatchObject([{ complete: false }]);
    const sharded = ['iter_0000500/common.pt', 'iter_0000500/__0_0.distcp'];
    expect(await verdicts(written(...sharded, tracker))).toMatchObject([{ complete: false }]);
    const metadata = `iter_0000500/${metadataNaming('__0_0.distcp')}`;
    expect(await verdicts(written(...sharded, metadata, tracker))).toMatchObject([{ complete: true }]);
    expect(
      await verdicts(written(...legacy, 'latest_checkpointed_iteration.txt = 400', 'iter_0000500/mp_rank_00/x.pt')),
    ).toMatchObject([{ complete: false }]);
  });
});

describe('sets of files', () => {
  test('shards of n need all n and their index, TensorFlow’s their .index', async () => {
    const shard = (n: number): string => `step_5/model-0000${n}-of-00002.safetensors`;
    const index = 'step_5/model.safetensors.index.json';
    expect(await verdicts(written(shard(1), shard(2), index))).toMatchObject([
      { recogniser: 'safetensors', complete: true },
    ]);
    expect(await verdicts(written(shard(1), shard(2)))).toMatchObject([{ complete: false }]);
    expect(await verdicts(written(shard(2), index))).toMatchObject([
      { complete: false, why: expect.stringContaining(shard(1)) },
    ]);
    const data = (n: number): string => `ckpt-7.data-0000${n}-of-00002`;
    expect(await verdicts(written(data(0), data(1), 'ckpt-7.index', 'checkpoint'))).toMatchObject([
      { step: 7, complete: true },
    ]);
    expect(await verdicts(written(data(0), data(1)))).toMatchObject([{ complete: false }]);
    expect(await verdicts(written(data(0), 'ckpt-7.index'))).toMatchObject([{ complete: false }]);
    expect(await verdicts(written('ckpt-7.index'))).toMatchObject([{ complete: false }]);
  });

  test('an index may name any files, and only texts count as names', async () => {
    const index = (map: unknown): string =>
      `step_5/model.safetensors.index.json = ${JSON.stringify({ weight_map: map })}`;
    const weights = 'step_5/a.safetensors';
    expect(await verdicts(written(weights, index({ w: 'a.safetensors', v: 5 })))).toMatchObject([{ complete: true }]);
    expect(await verdicts(written(weights, index({ w: 'b.safetensors' })))).toMatchObject([{ complete: false }]);
    for (const map of [null, 5, 'text', []])
      expect(await verdicts(written(weights, index(map)))).toMatchObject([{ complete: true }]);
  });

  test('a hostile number of shards costs nothing', async () => {
    expect(await verdicts(written('model-1-of-9007199254740991.bin'))).toMatchObject([{ complete: true }]);
  });

  test('where nothing but stillness and writers can tell, they do', async () => {
    const [file] = written('model_5.bin = cut off somewhere');
    const files = file === undefined ? [] : [file];
    expect(await verdicts(files)).toMatchObject([{ recogniser: 'plain', complete: true }]);
    expect(await verdicts(files, { ...running, stillMs: SETTLE_MS - 1 })).toMatchObject([{ complete: false }]);
    expect(await verdicts(files, { ...running, writers: new Set(['model_5.bin']) })).toMatchObject([
      { complete: false, why: 'model_5.bin is open for writing' },
    ]);
    expect(await verdicts(files, { ...killed, ended: { clean: false, atMs: 10 } })).toMatchObject([
      { complete: false },
    ]);
  });
});
