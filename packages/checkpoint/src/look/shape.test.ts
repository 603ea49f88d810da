import { expect, test } from 'vitest';
import { namesInText } from './names-inside.ts';
import { shapeOfPublished, shapeOfSave } from './shape.ts';

const files = (...paths: readonly string[]) => paths.map((path) => ({ path }));

test('a database that was published alone tells nothing of how a save looks', () => {
  expect(shapeOfSave(files('study.db', 'study.db-wal'))).toBeNull();
  expect(shapeOfPublished({ recogniser: 'plain', entry: 'study.db', files: files('study.db') })).toBeNull();
});

test('a database beside a save is no part of its shape', () => {
  const expected = new Map([['step_#/model.pt', 1]]);
  expect(shapeOfSave(files('step_10/model.pt', 'study.db'))).toEqual(expected);
});

test('arguments lead to nothing that a script goes on from', () => {
  expect(namesInText('args.json', '{"resume": "base/checkpoint-3000"}')).toEqual([]);
  expect(namesInText('state.json', '{"last": "step_40.pt"}')).toEqual([{ name: 'step_40.pt', isPointer: true }]);
});
