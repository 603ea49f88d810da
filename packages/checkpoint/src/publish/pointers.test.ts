import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, type World, zipOf } from '../testing/test-world.ts';

interface Naming {
  readonly name: string;
  /** The files of a step. */
  readonly save: (step: number) => Readonly<Record<string, string | Buffer>>;
  readonly pointer: string;
  /** What the pointer says when it names a step. */
  readonly says: (step: number) => string | Buffer;
  /** It may count steps that were never saved, so a number without a save says nothing. */
  readonly isCounter?: true;
}

const torch = (step: number) => ({ [`step_${step}.pt`]: zipOf(`weights ${step}`) });
const short = (text: string): string => `\u008c${String.fromCharCode(text.length)}${text}`;

/** Scripts that save first and move what they resume by some time later. */
const namings: readonly Naming[] = [
  { name: 'latest.txt', save: torch, pointer: 'latest.txt', says: (step) => `step_${step}.pt\n` },
  { name: 'an absolute path', save: torch, pointer: 'latest', says: (step) => `/home/ubuntu/out/step_${step}.pt` },
  { name: 'a name without extension', save: torch, pointer: 'last_checkpoint', says: (step) => `"step_${step}"` },
  {
    name: 'JSON with a path',
    save: torch,
    pointer: 'resume.json',
    says: (step) => JSON.stringify({ from: { file: `./step_${step}.pt` } }),
  },
  {
    name: 'JSON with a step',
    save: torch,
    pointer: 'progress.json',
    says: (step) => JSON.stringify({ latest_step: step }),
    isCounter: true,
  },
  {
    name: 'a state that names what to go on from',
    save: torch,
    pointer: 'state.json',
    says: (step) => JSON.stringify({ lr: 0.1, last_save: `checkpoints/step_${step}.pt` }),
  },
  {
    name: 'a folder',
    save: (step) => ({ [`step_${step}/weights.dat`]: 'm', [`step_${step}/moments.dat`]: 'o' }),
    pointer: 'latest_checkpoint.txt',
    says: (step) => `step_${step}/`,
  },
  {
    name: 'TensorFlow',
    save: (step) => ({ [`ckpt-${step}.index`]: 'i', [`ckpt-${step}.data-00000-of-00001`]: `d${step}` }),
    pointer: 'checkpoint',
    says: (step) => `model_checkpoint_path: "ckpt-${step}"\nall_model_checkpoint_paths: "ckpt-1"\nlast_preserved: 1\n`,
  },
  {
    name: 'Megatron',
    save: (step) => ({ [`iter_${String(step).padStart(7, '0')}/mp_rank_00/model_optim_rng.pt`]: zipOf('w') }),
    pointer: 'latest_checkpointed_iteration.txt',
    says: (step) => `${step}\n`,
  },
  {
    name: 'one folder down',
    save: (step) => ({ [`run/step_${step}.pt`]: zipOf(`weights ${step}`) }),
    pointer: 'run/latest.txt',
    says: (step) => `step_${step}.pt`,
  },
];

async function saved(world: World, { save }: Naming, step: number): Promise<void> {
  for (const [path, content] of Object.entries(save(step))) await world.write(path, content);
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

/** What a new machine has after its restore. */
async function restored(world: World): Promise<{ readonly step: number | null; readonly paths: readonly string[] }> {
  await rm(world.folder, { recursive: true });
  const { manifest } = (await world.restore()) ?? {};
  const paths = (await filesIn(world.folder)).map((path) => path.slice(world.folder.length + 1)).sort();
  return { step: manifest?.step ?? null, paths };
}

const publisherOf = (world: World) => world.publisher({ recognisers });

describe.each(namings)('$name', (naming) => {
  test('what an out-of-date pointer names is restored beside the newer save', async () => {
    await using world = await openWorld();
    await saved(world, naming, 10);
    await world.write(naming.pointer, naming.says(10));
    const publisher = publisherOf(world);
    await world.settleAndPass(publisher);
    await saved(world, naming, 20);
    await world.settleAndPass(publisher);
    const { paths } = await restored(world);
    expect(paths).toEqual(expect.arrayContaining([naming.pointer, ...Object.keys(naming.save(10))]));
    expect(await readFile(join(world.folder, naming.pointer), 'utf8')).toBe(String(naming.says(10)));
  });

  test('a pointer to a save that was never finished is restored as it was before', async () => {
    await using world = await openWorld();
    await saved(world, naming, 10);
    await world.write(naming.pointer, naming.says(10));
    const publisher = publisherOf(world);
    await world.settleAndPass(publisher);
    await saved(world, naming, 20);
    await world.settleAndPass(publisher);
    // Nobody ever sees the files of step 30: the machine is gone first.
    await world.write(naming.pointer, naming.says(30));
    await saved(world, naming, 25);
    for (const path of Object.keys(naming.save(10))) await rm(join(world.folder, path));
    await world.settleAndPass(publisher);
    const { paths } = await restored(world);
    const text = await readFile(join(world.folder, naming.pointer), 'utf8');
    const named = [10, 20, 25, ...(naming.isCounter ? [30] : [])].filter((step) => text === String(naming.says(step)));
    expect(named).toHaveLength(1);
    if (named[0] !== 30) expect(paths).toEqual(expect.arrayContaining(Object.keys(naming.save(named[0] ?? 0))));
  });
});

describe('what a save names inside', () => {
  test('Trainer: the best checkpoint that its state names', async () => {
    await using world = await openWorld();
    const hf = async (step: number, best: number): Promise<void> => {
      const folder = `checkpoint-${step}`;
      await world.write(`${folder}/model.safetensors`, Buffer.from('\u0002\0\0\0\0\0\0\0{}', 'latin1'));
      for (const name of ['training_args.bin', 'optimizer.pt', 'scheduler.pt', 'rng_state.pth'])
        await world.write(`${folder}/${name}`, zipOf(`${name} ${step}`));
      await world.write(`${folder}/trainer_state.json`, `{"best_model_checkpoint": "out/checkpoint-${best}"}`);
    };
    const publisher = publisherOf(world);
    for (const step of [10, 20, 30]) {
      await hf(step, 10);
      await world.settleAndPass(publisher);
    }
    const { paths } = await restored(world);
    expect(new Set(paths.map((path) => path.split('/')[0]))).toEqual(new Set(['checkpoint-10', 'checkpoint-30']));
  });

  test('Lightning: the best path that its callback keeps', async () => {
    await using world = await openWorld();
    const state = (step: number): Buffer =>
      zipOf(
        `pytorch-lightning_version X\u000b\0\0\0global_stepK${String.fromCharCode(step)} ${short('best_model_path')}\u0094${short('/x/epoch=0-step=8.ckpt')}`,
      );
    const publisher = publisherOf(world);
    for (const step of [8, 16, 24]) {
      await world.write(`epoch=${step / 8 - 1}-step=${step}.ckpt`, state(step));
      await world.settleAndPass(publisher);
    }
    expect(await restored(world)).toEqual({ step: 24, paths: ['epoch=0-step=8.ckpt', 'epoch=2-step=24.ckpt'] });
  });

  test('a list of all saves is a history, and names none', async () => {
    await using world = await openWorld();
    const publisher = publisherOf(world);
    for (const step of [10, 20, 30]) {
      await world.write(`step_${step}.pt`, zipOf(`${step}`));
      await world.write('saves.json', JSON.stringify({ saves: ['step_10.pt', 'step_20.pt', 'step_30.pt'] }));
      await world.settleAndPass(publisher);
    }
    expect(await restored(world)).toEqual({ step: 30, paths: ['saves.json', 'step_30.pt'] });
  });
});

test('a pointer that names a missing save does not keep the passes busy', async () => {
  await using world = await openWorld();
  await world.write('step_10.pt', zipOf('10'));
  await world.write('latest.txt', 'step_99.pt');
  const publisher = publisherOf(world);
  const report = await world.settleAndPass(publisher);
  expect(report.published?.files.map(({ path }) => path)).toEqual(['step_10.pt']);
  expect(await publisher.pass({ signal: never })).toMatchObject({ published: null, unsettled: false });
});
