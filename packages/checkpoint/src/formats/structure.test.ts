import fc from 'fast-check';
import { safetensorsOf, zipOf } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { structureOf } from './structure.ts';

const verdictOf = async (name: string, bytes: Buffer): Promise<string> =>
  (
    await structureOf(name, {
      sizeBytes: bytes.length,
      read: (start, length) => Promise.resolve(bytes.subarray(start, start + length)),
    })
  ).verdict;

const wholeFiles: readonly [string, Buffer][] = [
  ['model.pt', zipOf('weights of a model')],
  ['model.keras', zipOf('')],
  ['state.json', Buffer.from(JSON.stringify({ step: 5, nested: [1, 2, { text: 'a "quoted" }' }] }))],
  ['model.safetensors', safetensorsOf(Buffer.alloc(20, 7))],
];

test.each(wholeFiles)('%s is whole, and torn wherever it is cut off', async (name, bytes) => {
  expect(await verdictOf(name, bytes)).toBe('whole');
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: bytes.length - 1 }), async (length) => {
      expect(await verdictOf(name, bytes.subarray(0, length))).toBe('torn');
    }),
  );
});

test('a zip file whose beginning was overwritten with a longer version is torn', async () => {
  const tail = zipOf('short');
  const torn = Buffer.concat([zipOf('a much longer version').subarray(0, 40), tail.subarray(tail.length - 22)]);
  expect(await verdictOf('model.pt', torn)).toBe('torn');
});

test('an archive with a comment at its end is whole', async () => {
  const bytes = zipOf('weights');
  bytes.writeUInt16LE(3, bytes.length - 2);
  expect(await verdictOf('model.pt', Buffer.concat([bytes, Buffer.from('abc')]))).toBe('whole');
});

test('numbers that Python writes and JSON does not have make no file torn', async () => {
  expect(
    await verdictOf('state.json', Buffer.from('{"loss": NaN, "best": -Infinity, "name": "NaN \\" Infinity"}')),
  ).toBe('whole');
  expect(await verdictOf('state.json', Buffer.from('{"loss": Na'))).toBe('torn');
});

test('empty weights and empty archives are torn, an empty marker file tells nothing', async () => {
  for (const name of ['model.pt', 'state.json', 'model.safetensors', 'weights.npz', 'model.pkl'])
    expect(await verdictOf(name, Buffer.alloc(0))).toBe('torn');
  expect(await verdictOf('commit_success.txt', Buffer.alloc(0))).toBe('unknown');
});

test('formats without a recognisable end tell nothing', async () => {
  expect(await verdictOf('model.bin', Buffer.from('weights'))).toBe('unknown');
  expect(await verdictOf('legacy.pt', Buffer.from([0x80, 2, 0x8a]))).toBe('unknown');
});

test('an HDF5 file shorter than its superblock says is torn, one as long tells nothing', async () => {
  const bytes = Buffer.alloc(100);
  Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2]).copy(bytes);
  bytes.writeBigUInt64LE(100n, 28);
  expect(await verdictOf('model.h5', bytes)).toBe('unknown');
  expect(await verdictOf('model.h5', bytes.subarray(0, 90))).toBe('torn');
});
