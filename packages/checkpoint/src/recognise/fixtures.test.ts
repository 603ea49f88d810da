import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  hasFixture,
  judged,
  type Judged,
  readFixture,
  type Situation,
  SETTLE_MS,
  type WrittenFile,
} from './fixtures/fixture-world.ts';
import { peers } from './fixtures/peers.ts';
import { shapeOf } from '../look/shape.ts';

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

const HOUR_MS = 3_600_000;
const newestMsOf = (files: readonly WrittenFile[]): number => Math.max(...files.map((file) => file.mtimeMs));

describe.each(Object.entries(peers))('%s', (name, peer) => {
  if (!hasFixture(peer.fixture ?? name)) {
    test('was made', (context) => context.skip(`no checkpoint by ${name} was made`));
    return;
  }
  const stored = readFixture(peer.fixture ?? name).files;
  const files = stored.filter((file) => peer.only?.test(file.path) ?? true);
  const own = files.filter((file) => peer.newest.test(file.path));
  const others = files.filter((file) => !peer.newest.test(file.path));
  const whole = shapeOf(own);
  const justArrived: Situation = {
    name: 'running, everything has come after the checkpoint before',
    stillMs: 0,
    ended: null,
    expectedShape: whole,
    allNew: peer.inPlace !== true,
  };
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
    for (const situation of [...situationsAfter(newestMsOf(there)), justArrived]) {
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

  test('in the middle of being deleted file by file it is never complete once a checkpoint has shown its shape', async () => {
    const some = fc.subarray([...own], { maxLength: own.length - 1 });
    await fc.assert(
      fc.asyncProperty(some, async (left) => expectTorn(left, `only ${pathsOf(left)}`, { expectedShape: whole })),
      { numRuns: 25 },
    );
  });

  test('in the middle of being deleted the first one is not complete either before that has been still for long', async () => {
    const needed = own.filter((file) => peer.optional?.test(file.path) !== true);
    const some = fc.subarray(needed, { maxLength: needed.length - 1 });
    await fc.assert(
      fc.asyncProperty(some, async (left) => expectTorn(left, `only ${pathsOf(left)}`)),
      { numRuns: 25 },
    );
  });

  test('cut off anywhere it is never complete', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(own.length - 1), fc.double({ min: 0, max: 1, noNaN: true }), async (index, share) => {
        const file = own[index];
        if (file === undefined || peer.byExistence?.test(file.path) === true) return;
        const bytes = file.bytes.subarray(0, Math.floor(share * lastByteThatCounts(file)));
        await expectTorn([...own.slice(0, index), { ...file, bytes }], `${file.path} cut at ${bytes.length}`);
      }),
      { numRuns: 40 },
    );
  });

  if (peer.inPlace === true)
    test('in the middle of being overwritten in place it is never complete', async () => {
      const earlier = own.map((file) => ({ ...file, mtimeMs: file.mtimeMs - HOUR_MS }));
      // Descriptions come first and say nothing new.
      const from = own.findIndex((file) => peer.optional?.test(file.path) !== true);
      for (let written = from; written < own.length; written++)
        for (const share of [0, 0.5, 1]) {
          const file = own[written];
          const isDone = written === own.length - 1 && share === 1;
          if (file === undefined || isDone) continue;
          const now = { ...file, bytes: file.bytes.subarray(0, Math.floor(share * file.bytes.length)) };
          await expectTorn(
            [...own.slice(0, written), now, ...earlier.slice(written + 1)],
            `${file.path} overwritten to ${share}`,
            {
              expectedShape: whole,
            },
          );
        }
    });

  test('the newest is not missed when the workload is killed right after, once another has shown the shape', async () => {
    const [, killed] = situationsAfter(newestMsOf(files));
    const found = ofNewest(await judged(files, { ...running, ...killed, expectedShape: whole }));
    const proven = !own.some((file) => file.path.endsWith('.h5')) || peer.recogniser === 'keras-backup';
    expect(found?.verdict).toMatchObject({ complete: proven });
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

const pathsOf = (files: readonly WrittenFile[]): string => files.map((file) => file.path).join(', ');

/** JSON may end in white space that says nothing. */
function lastByteThatCounts({ bytes, path }: WrittenFile): number {
  return path.endsWith('.json') ? bytes.toString('utf8').trimEnd().length - 1 : bytes.length - 1;
}
