import { describe, expect, test } from 'vitest';
import {
  judged,
  type Judged,
  readFixture,
  type Situation,
  SETTLE_MS,
  type WrittenFile,
} from './fixtures/fixture-world.ts';
import { shapeOf } from './judge.ts';

interface Peer {
  /** Part of a fixture that is looked at alone. */
  readonly only?: RegExp;
  readonly fixture?: string;
  readonly recogniser: string;
  /** Every checkpoint in the fixture, oldest first. */
  readonly steps: readonly number[];
  readonly entry: string;
  /** Files of the newest checkpoint. */
  readonly newest: RegExp;
  /** Files that may be missing without anything telling, before a first checkpoint has shown that they belong there. */
  readonly optional?: RegExp;
  /** Markers that count by being there, whatever part of their text is written. */
  readonly byExistence?: RegExp;
}

const peers: Readonly<Record<string, Peer>> = {
  'hf-trainer': {
    recogniser: 'hf-trainer',
    steps: [2, 4],
    entry: 'checkpoint-4',
    newest: /^checkpoint-4\//,
    optional: /config\.json$/,
  },
  accelerate: { recogniser: 'accelerate', steps: [0, 1], entry: 'checkpoints/checkpoint_1', newest: /checkpoint_1\// },
  lightning: { recogniser: 'lightning', steps: [3, 6], entry: 'epoch=0-step=6.ckpt', newest: /step=6/ },
  'lightning-sharded': { recogniser: 'lightning', steps: [3, 6], entry: 'epoch=0-step=6.ckpt', newest: /step=6/ },
  'torch-dcp': { recogniser: 'torch-dcp', steps: [5, 10], entry: 'step_10', newest: /^step_10\// },
  'torch-save': { recogniser: 'torch-save', steps: [100, 200], entry: 'model_200.pt', newest: /200/ },
  'keras-backup': {
    recogniser: 'keras-backup',
    steps: [3],
    entry: 'backup',
    newest: /^backup\/[^.]+(?:\.weights)?\.(?:h5|json)$/,
  },
  'keras-files .keras': {
    fixture: 'keras-files',
    only: /\.keras$/,
    recogniser: 'keras',
    steps: [1, 2],
    entry: 'model.02.keras',
    newest: /02/,
  },
  'keras-files .weights.h5': {
    fixture: 'keras-files',
    only: /\.h5$/,
    recogniser: 'keras',
    steps: [1, 2],
    entry: 'model.02.weights.h5',
    newest: /02/,
  },
  xgboost: { recogniser: 'xgboost', steps: [4, 8], entry: 'model_8.ubj', newest: /_8/ },
  'xgboost-json': { recogniser: 'xgboost', steps: [4, 8], entry: 'model_8.json', newest: /_8/ },
  safetensors: { recogniser: 'safetensors', steps: [10, 20], entry: 'model-20.safetensors', newest: /20/ },
  'safetensors-sharded': {
    recogniser: 'safetensors',
    steps: [7],
    entry: 'step-7',
    newest: /step-7/,
    optional: /config\.json$/,
  },
  orbax: {
    recogniser: 'orbax',
    steps: [3, 6],
    entry: '6',
    newest: /^6\//,
    optional: /\/d\//,
    byExistence: /commit_success/,
  },
};

const running: Situation = {
  name: 'running, nothing has moved for the settling time',
  stillMs: SETTLE_MS,
  ended: null,
};

/** Ways in which the same files can be met. `newestMs` is when the last of them was written. */
function situationsAfter(newestMs: number): readonly Situation[] {
  return [
    running,
    { name: 'killed in the middle', stillMs: 0, ended: { clean: false, atMs: newestMs + 1 } },
    { name: 'killed after a hang', stillMs: 0, ended: { clean: false, atMs: newestMs + 60 * SETTLE_MS } },
  ];
}

const newestMsOf = (files: readonly WrittenFile[]): number => Math.max(...files.map((file) => file.mtimeMs));

describe.each(Object.entries(peers))('%s', (name, peer) => {
  const stored = readFixture(peer.fixture ?? name).files;
  const files = stored.filter((file) => peer.only?.test(file.path) ?? true);
  const own = files.filter((file) => peer.newest.test(file.path));
  const others = files.filter((file) => !peer.newest.test(file.path));
  const whole = shapeOf(own);
  const ofNewest = (found: readonly Judged[]): Judged | undefined =>
    found.find(({ candidate }) => candidate.files.some((file) => peer.newest.test(file.path)));

  test('every checkpoint is found complete, with its step', async () => {
    for (const situation of [running, ...situationsAfter(newestMsOf(files)).slice(2)]) {
      const found = await judged(files, situation);
      expect(found.map(({ candidate, verdict }) => ({ step: candidate.step, verdict }))).toEqual(
        expect.arrayContaining(
          peer.steps.map((step) => ({ step, verdict: expect.objectContaining({ complete: true }) })),
        ),
      );
      expect(ofNewest(found)?.candidate).toMatchObject({
        recogniser: peer.recogniser,
        entry: peer.entry,
        step: peer.steps.at(-1),
      });
      expect(found).toHaveLength(peer.steps.length);
    }
  });

  /** Fails with all that there was to see when the newest checkpoint counts. */
  async function expectTorn(left: readonly WrittenFile[], what: string, more: Partial<Situation> = {}): Promise<void> {
    const there = [...others, ...left];
    if (there.length === 0) return;
    for (const situation of situationsAfter(newestMsOf(there))) {
      const found = ofNewest(await judged(there, { ...situation, ...more }));
      expect(found?.verdict.complete ?? false, `${what}; ${situation.name}: ${JSON.stringify(found?.verdict)}`).toBe(
        false,
      );
    }
  }

  test('cut off between two files it is never complete', async () => {
    for (let written = 0; written < own.length; written++)
      await expectTorn(own.slice(0, written), `${written} of ${own.length} files`);
  });

  test('cut off inside a file it is never complete', async () => {
    for (const [index, file] of own.entries())
      for (const length of [
        0,
        1,
        2,
        3,
        4,
        7,
        8,
        9,
        30,
        64,
        Math.floor(file.bytes.length / 2),
        lastByteThatCounts(file),
      ])
        if (length < file.bytes.length && (length === 0 || peer.byExistence?.test(file.path) !== true))
          await expectTorn(
            [...own.slice(0, index), { ...file, bytes: file.bytes.subarray(0, length) }],
            `${file.path} cut at ${length}`,
          );
  });

  test('without any one of its files it is not complete before that has been still for long', async () => {
    if (own.length > 1)
      for (const file of own)
        if (peer.optional?.test(file.path) !== true)
          await expectTorn(
            own.filter((other) => other !== file),
            `without ${file.path}`,
          );
  });

  test('without any one of its files it is never complete once a checkpoint has shown its shape', async () => {
    if (own.length > 1)
      for (const file of own)
        await expectTorn(
          own.filter((other) => other !== file),
          `without ${file.path}`,
          { expectedShape: whole },
        );
  });
});

/** JSON may end in white space that says nothing. */
function lastByteThatCounts({ bytes, path }: WrittenFile): number {
  return path.endsWith('.json') ? bytes.toString('utf8').trimEnd().length - 1 : bytes.length - 1;
}
