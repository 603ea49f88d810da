import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileBytes, readFixture } from './fixtures/fixture-world.ts';
import { stepInside } from './frameworks/lightning.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { recognisers } from './recognisers.ts';
import { type FileBytes, structureOf } from '../formats/structure.ts';

const VERDICTS = ['whole', 'torn', 'unknown'];
const NAMES = [
  'm.pt',
  'm.json',
  'm.safetensors',
  'm.ubj',
  'm.h5',
  'm.keras',
  'm.npz',
  'm.distcp',
  'm.pkl',
  'm',
  '.metadata',
];
const LARGEST_READ_BYTES = 100_000_000;

/** Fails on reads that make no sense, and keeps count of what would have been allocated. */
function watched(file: FileBytes): FileBytes & { readonly reads: { count: number; bytes: number } } {
  const reads = { count: 0, bytes: 0 };
  return {
    reads,
    sizeBytes: file.sizeBytes,
    read: (start, length) => {
      if (!Number.isSafeInteger(start) || start < 0) throw new Error(`read at ${start}`);
      if (!Number.isSafeInteger(length) || length < 0 || length > LARGEST_READ_BYTES)
        throw new Error(`read of ${length} bytes`);
      reads.count++;
      reads.bytes += Math.max(0, Math.min(length, file.sizeBytes - start));
      return file.read(start, length);
    },
  };
}

/** Structure tells in passing over a file a few times at most. */
async function expectBounded(name: string, bytes: Buffer): Promise<void> {
  const file = watched(fileBytes(bytes));
  expect(VERDICTS).toContain((await structureOf(name, file)).verdict);
  expect(file.reads.bytes).toBeLessThan(3 * bytes.length + 256 * 1024);
}

const magics = [
  '',
  'PK\u0003\u0004',
  'PK\u0005\u0006',
  '\u0089HDF\r\n\u001a\n',
  '{L',
  '{"',
  '[$d#L',
  '\u0010\0\0\0\0\0\0\0{',
];

test('random bytes behind any beginning are judged, with few reads', async () => {
  const bytes = fc.tuple(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 400 }));
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...NAMES), bytes, async (name, [magic, rest]) =>
      expectBounded(name, Buffer.concat([Buffer.from(magic, 'latin1'), rest])),
    ),
    { numRuns: 300 },
  );
});

const realFiles = [
  'hf-trainer',
  'torch-save',
  'keras-files',
  'xgboost',
  'xgboost-json',
  'safetensors',
  'torch-dcp',
].flatMap((name) => readFixture(name).files);
const HOSTILE_SIZES = [
  0xffffffffffffffffn,
  0x7fffffffffffffffn,
  1n << 53n,
  (1n << 53n) - 1n,
  1n << 40n,
  0xffffffffn,
  0n,
];

test('real files with bytes changed, cut and sizes gone mad are judged, with few reads', async () => {
  const change = fc.record({
    file: fc.constantFrom(...realFiles),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    fromEnd: fc.boolean(),
    size: fc.constantFrom(...HOSTILE_SIZES),
    bigEndian: fc.boolean(),
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ file, at, fromEnd, size, bigEndian, cut }) => {
      const bytes = Buffer.from(file.bytes);
      // Headers and directories stand at the ends, so half of the changes go there.
      const place = fromEnd ? bytes.length - 8 - Math.floor(at * 80) : Math.floor(at * at * (bytes.length - 8));
      if (place >= 0 && bigEndian) bytes.writeBigUInt64BE(size, place);
      else if (place >= 0) bytes.writeBigUInt64LE(size, place);
      await expectBounded(file.path, cut === null ? bytes : bytes.subarray(0, Math.floor(cut * bytes.length)));
    }),
    { numRuns: 400 },
  );
});

/** A file of a terabyte that begins so and is zeros otherwise, or ends so. */
function huge(start: Buffer, end = Buffer.alloc(0)): FileBytes {
  const sizeBytes = 2 ** 40;
  return {
    sizeBytes,
    read: (at, length) => {
      const buffer = Buffer.alloc(Math.min(length, sizeBytes - at));
      if (at < start.length) start.copy(buffer, 0, at);
      const endAt = sizeBytes - end.length;
      if (at + buffer.length > endAt) end.copy(buffer, Math.max(0, endAt - at), Math.max(0, at - endAt));
      return Promise.resolve(buffer);
    },
  };
}

function lengthPrefixed(bytes: bigint, text: string): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(bytes);
  return Buffer.concat([length, Buffer.from(text)]);
}

test.each([
  ['m.safetensors', lengthPrefixed(2n ** 53n, '{}')],
  ['m.safetensors', lengthPrefixed(2n ** 63n, '{}')],
  ['m.json', Buffer.from('{')],
  ['m.ubj', Buffer.from('[$d#L\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff', 'latin1')],
  ['m.ubj', Buffer.from('SL\u0000\u0020\0\0\0\0\0\0', 'latin1')],
  ['m.pt', Buffer.from('PK\u0003\u0004', 'latin1')],
  ['m.h5', Buffer.concat([Buffer.from('\u0089HDF\r\n\u001a\n', 'latin1'), Buffer.alloc(80, 0xff)])],
])('%s of a terabyte with a size gone mad is torn after less than a megabyte of reading', async (name, start) => {
  const file = watched(huge(start));
  expect((await structureOf(name, file)).verdict).toBe('torn');
  expect(file.reads.bytes).toBeLessThan(1024 * 1024);
});

test('a zip64 record with sizes gone mad is torn after less than a megabyte of reading', async () => {
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50);
  end64.writeBigUInt64LE(2n ** 53n, 40);
  end64.writeBigUInt64LE(2n ** 64n - 1n, 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(0, 20);
  const file = watched(huge(Buffer.from('PK\u0003\u0004', 'latin1'), Buffer.concat([end64, locator, end])));
  expect((await structureOf('m.pt', file)).verdict).toBe('torn');
  expect(file.reads.bytes).toBeLessThan(1024 * 1024);
});

test('UBJSON nested without end is given up', async () => {
  expect((await structureOf('m.ubj', fileBytes(Buffer.alloc(100_000, '[')))).verdict).toBe('torn');
});

const words = (text: string) => fc.constantFrom(...text.trim().split(/\s+/));
const segments = words(
  'checkpoint-5 checkpoint_5 step_5 5 global_step5 iter_0000005 default d ocdbt.process_0 a.ckpt out pytorch_model_fsdp_0',
);
const fileNames = words(`
  trainer_state.json training_args.bin rng_state_0.pth optimizer.pt optimizer.bin random_states_99999999999999999999.pkl
  .metadata __0_0.distcp meta.pt latest mp_rank_00_model_states.pt latest_checkpointed_iteration.txt
  _CHECKPOINT_METADATA manifest.ocdbt _METADATA commit_success.txt latest.weights.h5 training_metadata.json
  model.safetensors model.safetensors.index.json model-00001-of-00003.safetensors last.ckpt model_5.pt notes.txt`);
const paths = fc
  .tuple(fc.array(segments, { maxLength: 3 }), fileNames)
  .map(([folders, name]) => [...folders, name].join('/'));
const texts = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  fc
    .constantFrom('{"epoch": 1e400}', '{"weight_map": {"a": "../../x"}}', 'global_step5', '__0_0.distcp.', 'null')
    .map((text) => Buffer.from(text)),
);

test('no tree and no content makes a recogniser throw, and every candidate names files that are there', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(paths, { maxLength: 12 }),
      fc.array(texts, { minLength: 1, maxLength: 4 }),
      (found, contents) => {
        const contentOf = (path: string): Buffer => contents[path.length % contents.length] ?? Buffer.alloc(0);
        const files = found.toSorted().map((path, index): FileSeen => ({
          path,
          sizeBytes: contentOf(path).length,
          mtimeMs: index % 3,
          ctimeMs: 0,
          inode: path,
          mode: 0o644,
        }));
        const context = {
          readText: (path: string) => contentOf(path).toString('utf8'),
          readStart: (path: string, bytes: number) => contentOf(path).subarray(0, bytes),
        };
        for (const recogniser of recognisers)
          for (const candidate of recogniser.recognise({ files }, context)) {
            const taken = [...candidate.files, ...candidate.companions].map((file) => file.path);
            expect(candidate.files.length).toBeGreaterThan(0);
            expect(new Set(taken).size).toBe(taken.length);
            expect(taken.every((path) => found.includes(path))).toBe(true);
            expect(candidate.step === null || Number.isSafeInteger(candidate.step)).toBe(true);
          }
      },
    ),
    { numRuns: 300 },
  );
});

test('the step in a pickle is read from any bytes without a throw, and never made up', () => {
  const key = Buffer.from('pytorch-lightning_version X\u000b\0\0\0global_step', 'latin1');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (rest) => {
      const step = stepInside(Buffer.concat([key, rest]))?.step ?? null;
      expect(step === null || (Number.isSafeInteger(step) && step >= 0)).toBe(true);
    }),
  );
  const after = (...bytes: number[]): number | null | undefined =>
    stepInside(Buffer.concat([key, Buffer.from([...bytes, 0, 0, 0, 0, 0])]))?.step;
  expect([
    after(0x71, 5, 0x4b, 7),
    after(0x94, 0x4d, 0x2c, 1),
    after(0x4a, 0, 0, 1, 0),
    after(0x71, 5, 0x8a, 2, 0x10, 0x27),
  ]).toEqual([7, 300, 65536, 10000]);
  expect([after(0x71, 5, 0x8a, 9, 1), after(0x58, 1), stepInside(Buffer.from('nothing'))]).toEqual([null, null, null]);
});
