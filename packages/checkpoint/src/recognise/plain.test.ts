import { expect, test } from 'vitest';
import { plainRecogniser } from './plain.ts';
import type { FileSeen } from '../contract/recogniser.ts';

const seen = (path: string): FileSeen => ({ path, sizeBytes: 1, mtimeMs: 0, ctimeMs: 0, inode: path, mode: 0o644 });
const recognise = (...paths: string[]) =>
  plainRecogniser
    .recognise({ files: paths.map(seen) }, { readText: () => null, readStart: () => null })
    .map((candidate) => ({
      entry: candidate.entry,
      step: candidate.step,
      files: candidate.files.map((file) => file.path),
      companions: candidate.companions.map((file) => file.path),
    }));

test('every step is a candidate, and what bears no step goes along with each', () => {
  expect(recognise('checkpoint-200/a', 'checkpoint-1000/a', 'latest', 'best.pt')).toEqual([
    { entry: 'checkpoint-200', step: 200, files: ['checkpoint-200/a'], companions: ['latest', 'best.pt'] },
    { entry: 'checkpoint-1000', step: 1000, files: ['checkpoint-1000/a'], companions: ['latest', 'best.pt'] },
  ]);
});

test('a single file of a step is itself the entry', () => {
  expect(recognise('model_5.pt')).toEqual([{ entry: 'model_5.pt', step: 5, files: ['model_5.pt'], companions: [] }]);
});

test('files of one step belong together', () => {
  const [candidate, ...others] = recognise('model_5.pt', 'optimizer_5.pt');
  expect(candidate).toMatchObject({ entry: '.', step: 5, files: ['model_5.pt', 'optimizer_5.pt'] });
  expect(others).toEqual([]);
  expect(recognise('checkpoint-5.json', 'checkpoint-5/model.bin')).toMatchObject([{ entry: 'checkpoint-5' }]);
});

test('without any step the folder is one candidate, and a single file its entry', () => {
  expect(recognise('state.json')).toMatchObject([{ entry: 'state.json', step: null }]);
  expect(recognise('model.pt', 'optimizer.pt')).toMatchObject([{ entry: '.', files: ['model.pt', 'optimizer.pt'] }]);
  expect(recognise('state.json', 'train.log')).toMatchObject([{ entry: 'state.json', companions: ['train.log'] }]);
});

test('logs alone are no checkpoint', () => {
  expect(recognise('train.log', 'events.out.tfevents.1.host', 'wandb/run-5/files.bin')).toEqual([]);
  expect(recognise()).toEqual([]);
});
