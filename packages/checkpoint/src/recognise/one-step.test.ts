import { describe, expect, test } from 'vitest';
import { zipOf } from '../testing/test-world.ts';
import { judged, SETTLE_MS, type WrittenFile } from './fixtures/fixture-world.ts';

interface Layout {
  readonly name: string;
  readonly saves: readonly string[];
  /** What the newest candidate has, with all that goes along; the rest stays out. */
  readonly newest: { readonly step: number; readonly takes: readonly string[] };
}

/** Folders of scripts that never delete a save. `path @step`: a file by Lightning that holds this step. */
const layouts: readonly Layout[] = [
  {
    name: 'Lightning, save_top_k=-1',
    saves: ['epoch=0-step=8.ckpt', 'epoch=0-step=16.ckpt', 'epoch=0-step=24.ckpt'],
    newest: { step: 24, takes: ['epoch=0-step=24.ckpt'] },
  },
  {
    name: 'Lightning with last.ckpt',
    saves: ['epoch=0-step=8.ckpt', 'epoch=1-step=16.ckpt', 'last.ckpt @16'],
    newest: { step: 16, takes: ['epoch=1-step=16.ckpt', 'last.ckpt'] },
  },
  {
    name: 'Lightning in its own folders',
    saves: [
      'lightning_logs/version_0/checkpoints/epoch=0-step=8.ckpt',
      'lightning_logs/version_0/checkpoints/epoch=1-step=16.ckpt',
      'lightning_logs/version_0/hparams.yaml',
      'lightning_logs/version_0/metrics.csv',
    ],
    newest: {
      step: 16,
      takes: [
        'lightning_logs/version_0/checkpoints/epoch=1-step=16.ckpt',
        'lightning_logs/version_0/hparams.yaml',
        'lightning_logs/version_0/metrics.csv',
      ],
    },
  },
  {
    name: 'Lightning with two callbacks that name their files differently',
    saves: [
      'epoch=0-step=8.ckpt',
      'epoch=0-val=0.90.ckpt @8',
      'epoch=1-step=16.ckpt',
      'epoch=1-val=0.80.ckpt @16',
      'epoch=2-step=24.ckpt',
      'epoch=2-val=0.70.ckpt @24',
    ],
    newest: { step: 24, takes: ['epoch=2-step=24.ckpt', 'epoch=2-val=0.70.ckpt'] },
  },
  {
    name: 'Lightning with a second version of a name',
    saves: ['epoch=0-step=8.ckpt', 'epoch=0-step=8-v1.ckpt', 'epoch=1-step=16.ckpt', 'hparams.yaml'],
    newest: { step: 16, takes: ['epoch=1-step=16.ckpt', 'hparams.yaml'] },
  },
  {
    name: 'Lightning, a folder for each run inside the checkpoint folder',
    saves: ['run-a/epoch=0-step=100.ckpt', 'run-a/epoch=0-step=200.ckpt', 'run-a/epoch=0-step=300.ckpt'],
    newest: { step: 300, takes: ['run-a/epoch=0-step=300.ckpt'] },
  },
  {
    name: 'files by torch.save one folder down',
    saves: ['out/step_100.pt', 'out/step_200.pt', 'out/config.json'],
    newest: { step: 200, takes: ['out/config.json', 'out/step_200.pt'] },
  },
  {
    name: 'model and optimizer two folders down',
    saves: [
      'exp/seed/model_step_1.pt',
      'exp/seed/optimizer_step_1.pt',
      'exp/seed/model_step_2.pt',
      'exp/seed/optimizer_step_2.pt',
    ],
    newest: { step: 2, takes: ['exp/seed/model_step_2.pt', 'exp/seed/optimizer_step_2.pt'] },
  },
  {
    name: 'a folder for each epoch, one folder down',
    saves: ['run/epoch_1/weights.bin', 'run/epoch_2/weights.bin', 'run/epoch_2/state.json', 'run/vocab.txt'],
    newest: { step: 2, takes: ['run/epoch_2/state.json', 'run/epoch_2/weights.bin', 'run/vocab.txt'] },
  },
  {
    name: 'safetensors one folder down',
    saves: ['weights/ckpt-10.safetensors', 'weights/ckpt-20.safetensors', 'weights/ckpt-30.safetensors'],
    newest: { step: 30, takes: ['weights/ckpt-30.safetensors'] },
  },
  {
    name: 'numbered arrays of one set, which bear no step',
    saves: ['step_7/arrays/0.npy', 'step_7/arrays/1.npy', 'step_8/arrays/0.npy', 'step_8/arrays/1.npy'],
    newest: { step: 8, takes: ['step_8/arrays/0.npy', 'step_8/arrays/1.npy'] },
  },
];

function contentOf(path: string, step: string | undefined): Buffer {
  if (path.endsWith('.json')) return Buffer.from('{}');
  if (path.endsWith('.safetensors')) return Buffer.from('\u0002\0\0\0\0\0\0\0{}', 'latin1');
  if (step !== undefined)
    return zipOf(`X\u000b\0\0\0global_stepq\u0005K${String.fromCharCode(Number(step))} pytorch-lightning_version `);
  return /\.(?:pt|ckpt)$/.test(path) ? zipOf('weights') : Buffer.from('text');
}

function written(saves: readonly string[]): readonly WrittenFile[] {
  return saves.map((save, index) => {
    const [path = '', step] = save.split(' @');
    return { path, mtimeMs: index * 1000, bytes: contentOf(path, step) };
  });
}

describe('a script that never deletes: a checkpoint has its step’s files and what bears no step', () => {
  test.each(layouts)('$name', async ({ saves, newest }) => {
    const found = await judged(written(saves), { name: 'running', stillMs: SETTLE_MS, ended: null });
    const [candidate] = found.map((each) => each.candidate).toSorted((a, b) => (b.step ?? 0) - (a.step ?? 0));
    const takes = [...(candidate?.files ?? []), ...(candidate?.companions ?? [])].map(({ path }) => path).sort();
    expect({ step: candidate?.step, takes }).toEqual(newest);
  });
});

test('numbered arrays one folder down stay one set', async () => {
  const found = await judged(written(['out/arrays/0.npy', 'out/arrays/1.npy', 'out/arrays/2.npy']), {
    name: 'running',
    stillMs: SETTLE_MS,
    ended: null,
  });
  expect(found.map(({ candidate: { step, files } }) => ({ step, files: files.length }))).toEqual([
    { step: null, files: 3 },
  ]);
});
