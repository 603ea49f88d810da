import { mkdir, open, utimes, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname, join } from 'node:path';
import { silentLog } from '@runctl/core';
import { MemoryStore } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { createPublisher } from '../shards/create-publisher.ts';
import { restoreLatest } from '../restore/restore.ts';
import { type Fixture, hasFixture, readFixture } from '../recognise/fixtures/fixture-world.ts';
import { peers } from '../recognise/fixtures/peers.ts';
import { inspectFolder } from './inspect-folder.ts';
import { linuxOpenWriters, unknownOpenWriters } from '../look/open-writers.ts';
import { recognisers } from '../recognise/recognisers.ts';

const SETTLE_MS = 2000;
const HOUR_MS = 3_600_000;
const made = Object.entries(peers).filter(([name, peer]) => hasFixture(peer.fixture ?? name));
const never = new AbortController().signal;

async function unpack(fixture: Fixture, folder: string): Promise<void> {
  for (const { path, bytes, mtimeMs } of fixture.files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
    await utimes(join(folder, path), mtimeMs / 1000, mtimeMs / 1000);
  }
}

/** As it looks a while after it was unpacked. */
const soon = { openWriters: unknownOpenWriters, settleMs: SETTLE_MS, nowMs: Date.now() + 10 * SETTLE_MS };

test.each(made)('what %s wrote is found on a real disk', async (name, peer) => {
  await using folder = await temporaryFolder();
  await unpack(readFixture(peer.fixture ?? name), folder.path);
  const { checkpoints: found } = await inspectFolder(folder.path, soon);
  expect(found.map(({ state, step }) => ({ state, step }))).toEqual(
    peer.steps.toReversed().map((step) => ({ state: 'complete', step })),
  );
  expect(found[0]?.sizeBytes).toBeGreaterThan(20);
});

test.each(made)(
  'what %s wrote is published once the workload has ended, and counts the same where it was restored',
  async (name, peer) => {
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    const [folder, restored] = [join(here.path, 'saves'), join(there.path, 'saves')];
    await unpack(readFixture(peer.fixture ?? name), folder);
    const clock = new FakeClock(Date.now() + HOUR_MS);
    const store = new MemoryStore({ clock });
    const access = { store, run: 'r-abcdefghij', clock, log: silentLog };
    const publisher = createPublisher({
      ...access,
      folder,
      node: 0,
      recognisers,
      openWriters: unknownOpenWriters,
      settleMs: SETTLE_MS,
      mayPublish: () => ({ generation: 1 }),
    });
    const { published } = await publisher.pass({ signal: never, ended: { clean: false, atMs: clock.wallMs() } });
    expect(published).toMatchObject({
      step: peer.steps.at(-1),
      ...(peer.only === undefined ? { recogniser: peer.recogniser } : {}),
    });
    await mkdir(restored);
    expect(await restoreLatest({ ...access, folder: restored, signal: never })).toMatchObject({
      manifest: { step: peer.steps.at(-1) },
    });
    const [newest] = (await inspectFolder(restored, soon)).checkpoints;
    expect(newest).toMatchObject({ state: 'complete', step: peer.steps.at(-1) });
  },
);

test('files that are being written, or were a moment ago, are not settled', async (context) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'model_5.bin'), 'weights');
  const young = await inspectFolder(folder.path, { ...soon, nowMs: Date.now() });
  expect(young.checkpoints).toMatchObject([{ state: 'settling', why: expect.stringContaining('has not been still') }]);
  if (platform() !== 'linux') context.skip('open writers are known on Linux alone');
  const writing = await open(join(folder.path, 'model_5.bin'), 'r+');
  const options = { ...soon, openWriters: linuxOpenWriters() };
  expect((await inspectFolder(folder.path, options)).checkpoints).toMatchObject([
    { state: 'settling', why: 'model_5.bin is open for writing' },
  ]);
  await writing.close();
  expect((await inspectFolder(folder.path, options)).checkpoints).toMatchObject([{ state: 'complete' }]);
});

test('a save that lacks its last file may go on for a minute, then it is torn', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, '__0_0.distcp'), 'shard');
  const nowMs = Date.now();
  const at = (ms: number) => inspectFolder(folder.path, { ...soon, nowMs: nowMs + ms });
  expect((await at(30_000)).checkpoints).toMatchObject([{ state: 'settling' }]);
  expect((await at(HOUR_MS)).checkpoints).toMatchObject([{ state: 'torn' }]);
});

test('a torn file is torn however long it has been still, and a folder that is not there is empty', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'model_5.json'), '{"step": ');
  const { checkpoints } = await inspectFolder(folder.path, { ...soon, nowMs: Date.now() + HOUR_MS });
  expect(checkpoints).toMatchObject([{ state: 'torn', step: 5, why: expect.stringContaining('JSON') }]);
  expect(await inspectFolder(join(folder.path, 'missing'), soon)).toEqual({ checkpoints: [], passedOver: [] });
});
