import { randomBytes } from 'node:crypto';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLog } from '@runctl/core';
import { Lanes } from '@runctl/store';
import { expect, test } from 'vitest';
import { Ledger } from '../ledger/ledger.ts';
import { FolderSightings } from '../look/folder-sightings.ts';
import { never, openWorld, RUN } from '../testing/test-world.ts';
import { GrowingUploads } from './growing-uploads.ts';

const PART_BYTES = 1000;

/** An upload that has begun, of a file whose name the script has taken away since. */
async function orphanedUpload() {
  const world = await openWorld();
  const { clock, folder, store } = world;
  const openWriters = { among: () => Promise.resolve(new Set<string>()) };
  const sightings = new FolderSightings({ folder, clock, openWriters });
  const growing = new GrowingUploads({
    store,
    run: RUN,
    folder,
    clock,
    log: silentLog,
    lanes: new Lanes({ clock }),
    ledger: new Ledger(),
    openWriters,
    sightings,
    partSizeBytes: PART_BYTES,
    mayPublish: () => ({ generation: 1 }),
  });
  const path = join(folder, 'model.bin');
  await writeFile(path, randomBytes(PART_BYTES));
  await growing.uploadGrowing(never);
  await appendFile(path, randomBytes(PART_BYTES));
  await growing.uploadGrowing(never);
  await growing.settled();
  const [upload] = growing.uploads.all();
  if (upload === undefined) throw new Error('no upload has begun');
  await rm(path);
  return { world, growing, upload };
}

test('an upload is given up once its file is gone', async () => {
  const { world, growing, upload } = await orphanedUpload();
  await using _ = world;
  await growing.uploadGrowing(never);
  expect(growing.uploads.all()).toEqual([]);
  expect(upload.stop.signal.aborted).toBe(true);
});

test('an upload that a pass takes over while the look asks for its file is not given up', async () => {
  const { world, growing, upload } = await orphanedUpload();
  await using _ = world;
  const stat = upload.file.stat.bind(upload.file);
  let asked = 0;
  Object.assign(upload.file, {
    stat: async () => {
      asked++;
      growing.uploads.hold(new Set([upload.inode]));
      return stat();
    },
  });
  await growing.uploadGrowing(never);
  expect(asked).toBeGreaterThan(0);
  expect(growing.uploads.all()).toEqual([upload]);
  expect(upload.stop.signal.aborted).toBe(false);
  await growing.end();
  await upload.file.close();
});
