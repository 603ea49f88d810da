import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { WorkloadEnd } from '../contract/recogniser.ts';
import { recognisers } from '../recognise/recognisers.ts';
import { never, openWorld, SETTLE_MS, type World, zipOf } from '../testing/test-world.ts';

type Files = Readonly<Record<string, string | Buffer>>;

const zip = (version: number): Buffer => zipOf(`version ${version}`);
const tornZip = zip(2).subarray(0, 40);
const plain = (version: number): string => `\u0080pickle, version ${version}`;
const json = (version: number): string => JSON.stringify({ at: `version ${version}` });

/** Saves step 100 with these files, then these and step 200 right before the end, which a pass then looks at. */
async function endedWith(
  world: World,
  {
    before,
    after,
    end,
    seenClosed = false,
  }: { before: Files; after: Files; end: 'left' | 'asked' | 'killed'; seenClosed?: boolean },
) {
  const publisher = world.publisher({ recognisers });
  const write = async (files: Files): Promise<void> => {
    for (const [path, content] of Object.entries(files)) await world.write(path, content);
  };
  await write({ 'step_100.pt': zip(1), ...before });
  for (let look = 0; look < 60; look++) {
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS / 2);
  }
  expect((await world.pointer())?.step).toBe(100);
  await write(after);
  if (seenClosed) {
    await publisher.pass({ signal: never });
    await world.clock.advance(SETTLE_MS / 2);
  }
  await write({ 'step_200.pt': zip(2) });
  const atMs = world.clock.wallMs();
  const ended: WorkloadEnd = end === 'killed' ? { clean: false, atMs } : { clean: true, asked: end === 'asked', atMs };
  const report = await publisher.pass({ signal: never, ended });
  await publisher.settled();
  await rm(world.folder, { recursive: true });
  await world.restore();
  const paths = Object.keys(after);
  const texts = await Promise.all(paths.map((path) => readFile(join(world.folder, path), 'latin1').catch(() => '')));
  const versions = texts.map((text) => Number(/version (\d)/.exec(text)?.[1] ?? Number.NaN));
  const named = report.passedOver.filter(({ cutOff }) => cutOff === true).map(({ path, why }) => `${path} ${why}`);
  return { step: (await world.pointer())?.step, versions, named };
}

const both = (path: string, content: (version: number) => string | Buffer) => ({
  before: { [path]: content(1) },
  after: { [path]: content(2) },
});

describe('a script that ends by itself after it was told to stop', () => {
  const AT_STOP =
    'was written when the script was told to stop, and nothing shows that it is whole: the one before is used';
  test.each<[what: string, files: { readonly before: Files; readonly after: Files }, named: readonly string[]]>([
    ['a best model without a known format', both('best.pt', plain), ['best.pt']],
    ['one with another word', both('model_best.pth.tar', plain), ['model_best.pth.tar']],
    ['one in a folder', both('best/weights.bin', plain), ['best/weights.bin']],
    [
      'one beside what it scored',
      {
        before: { 'best_model.bin': plain(1), 'best.json': json(1) },
        after: { 'best_model.bin': plain(2), 'best.json': json(2) },
      },
      ['best.json', 'best_model.bin'],
    ],
    ['an array', both('best-ema.npy', plain), ['best-ema.npy']],
    ['one in a folder of folders', both('models/best/unet.bin', plain), ['models/best/unet.bin']],
    ['a torn archive', { before: { 'best.pt': zip(1) }, after: { 'best.pt': tornZip } }, ['best.pt']],
    [
      'a torn archive where a plain file was',
      { before: { 'best.pt': plain(1) }, after: { 'best.pt': tornZip } },
      ['best.pt'],
    ],
    [
      'a plain file where an archive was',
      { before: { 'best.pt': zip(1) }, after: { 'best.pt': plain(2) } },
      ['best.pt'],
    ],
    ['an empty file', { before: { 'best.ckpt': zip(1) }, after: { 'best.ckpt': '' } }, ['best.ckpt']],
  ])('keeps the best of before where it may have cut it off: %s', async (_what, files, named) => {
    await using world = await openWorld();
    const ended = await endedWith(world, { ...files, end: 'asked' });
    expect(ended).toMatchObject({ step: 200, versions: named.map(() => 1) });
    expect(ended.named.toSorted()).toEqual(named.map((path) => `${path} ${AT_STOP}`));
  });

  test.each<
    [
      what: string,
      options: Omit<Parameters<typeof endedWith>[1], 'before' | 'after'>,
      path: string,
      content: typeof plain,
    ]
  >([
    ['that was seen closed', { end: 'asked', seenClosed: true }, 'best.pt', plain],
    ['of a script that was not told to', { end: 'left' }, 'best.pt', plain],
    ['whose format shows that it is whole', { end: 'asked' }, 'best.json', json],
    ['that belongs to the save', { end: 'asked' }, 'random_states.bin', plain],
  ])('keeps the last of what may not be a piece: a file %s', async (_what, options, path, content) => {
    await using world = await openWorld();
    expect(await endedWith(world, { ...both(path, content), ...options })).toEqual({
      step: 200,
      versions: [2],
      named: [],
    });
  });
});

test.each<[what: string, after: Files, step: number, named: readonly RegExp[]]>([
  [
    'a save without a known format',
    { 'step_300.bin': plain(3) },
    200,
    [/^step_300\.bin .* killed, .* \(.*\): the one before is used$/],
  ],
  [
    'one in a folder',
    { 'step_300/model.bin': plain(3) },
    200,
    [/^step_300 .* killed, .* \(step_#\.pt, .* is missing, .*\): the one/],
  ],
  [
    'a file beside the saves',
    { 'random_states.bin': plain(3) },
    200,
    [/^random_states\.bin .* killed, .* whole: nothing of it is kept$/],
  ],
  ['a save of another kind', { 'checkpoint_300.ckpt': plain(3) }, 200, [/^checkpoint_300\.ckpt .* killed/]],
  ['a piece of a set', { 'checkpoint-300/optimizer.pt': zip(3) }, 200, [/^checkpoint-300 .* killed/]],
  ['the best so far', { 'best.bin': plain(3) }, 200, [/^best\.bin .* killed/]],
  ['an array beside the saves', { 'ema.npy': plain(3) }, 200, [/^ema\.npy .* killed/]],
  ['half a text', { 'state.json': '{"step":' }, 200, [/^state\.json .* killed/]],
  ['an empty file', { 'scaler.pkl': '' }, 200, [/^scaler\.pkl .* killed/]],
  ['a log, which no save needs', { 'train.log': 'half a li' }, 200, []],
  ['what is whole all the same', { 'config.json': '{}' }, 200, []],
  ['a torn archive', { 'step_300.pt': tornZip }, 200, []],
  ['nothing else', {}, 200, []],
])('a kill that may have cut off %s is told, and the save before is used', async (_what, after, step, named) => {
  await using world = await openWorld();
  const ended = await endedWith(world, { before: {}, after, end: 'killed' });
  expect(ended.step).toBe(step);
  expect(ended.named).toEqual(named.map((each) => expect.stringMatching(each)));
});

interface CutOff extends Pick<Parameters<typeof endedWith>[1], 'before' | 'after'> {
  readonly end: 'asked' | 'killed';
}

test.each<[what: string, cutOff: CutOff, fate: string]>([
  ['the first best of a run', { before: {}, after: { 'best.pt': plain(2) }, end: 'asked' }, 'nothing of it is kept'],
  [
    'the first best, at a kill',
    { before: {}, after: { 'best.bin': plain(2) }, end: 'killed' },
    'nothing of it is kept',
  ],
  ['one that was durable', { ...both('ema.bin', plain), end: 'killed' }, 'the one before is used'],
  ['a later save', { before: {}, after: { 'step_300.bin': plain(3) }, end: 'killed' }, 'the one before is used'],
])('what becomes of a file that may be cut off is true of %s', async (_what, cutOff, fate) => {
  await using world = await openWorld();
  const { named, versions } = await endedWith(world, cutOff);
  expect(named).toEqual([expect.stringMatching(`: ${fate}$`)]);
  if (!('step_300.bin' in cutOff.after)) expect(versions).toEqual([fate === 'nothing of it is kept' ? Number.NaN : 1]);
});

test('of the first save of a run that a kill may have cut off nothing is said to be used instead', async () => {
  await using world = await openWorld();
  const publisher = world.publisher({ recognisers });
  await world.write('step_100.bin', plain(1));
  const report = await publisher.pass({ signal: never, ended: { clean: false, atMs: world.clock.wallMs() } });
  expect(await world.pointer()).toBeNull();
  expect(report.passedOver.map(({ why }) => why)).toEqual([expect.stringMatching(/: nothing of it is kept$/)]);
});
