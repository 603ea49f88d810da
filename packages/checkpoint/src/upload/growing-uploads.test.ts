import { randomBytes } from 'node:crypto';
import { appendFile, type FileHandle, mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Manifest } from '@runctl/protocol';
import { intercepted, MemoryStore, type ObjectStore, readBytes, StoreError } from '@runctl/store';
import { PART_SIZE_BYTES } from '@runctl/protocol';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { never, openWorld, type World } from '../testing/test-world.ts';
import type { Publisher, PublisherOptions } from '../contract/publisher-port.ts';
import type { JournalEntry } from '../contract/upload-journal.ts';
import { memoryUploadJournal } from './upload-journal.ts';

const TICK_MS = 200;
const FILE = 'checkpoint-5/model.bin';

/** A world whose store counts what goes over the network, and a file that a script writes piece by piece. */
async function growingWorld(given: { store?: ObjectStore } = {}) {
  const clock = new FakeClock();
  const sent = { parts: 0, bytes: 0, copied: 0 };
  const memory = new MemoryStore({ clock });
  const store = intercepted(given.store ?? memory, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'uploadPart') sent.parts++;
    if (call.operation === 'copyPart') sent.copied++;
    return result;
  });
  const world = await openWorld({ clock, store });
  const touch = async (path: string): Promise<void> => {
    const seconds = clock.wallMs() / 1000;
    await utimes(join(world.folder, path), seconds, seconds);
  };
  const append = async (path: string, bytes: Buffer): Promise<void> => {
    await mkdir(dirname(join(world.folder, path)), { recursive: true });
    await appendFile(join(world.folder, path), bytes);
    await touch(path);
  };
  const look = async (publisher: Publisher, times = 1): Promise<void> => {
    for (let n = 0; n < times; n++) {
      await publisher.uploadGrowing(never);
      await publisher.settled();
      await clock.advance(TICK_MS);
    }
  };
  return { clock, memory, sent, world, touch, append, look };
}

const openUploads = async (store: ObjectStore): Promise<number> => {
  let count = 0;
  for await (const _upload of store.listMultipart({ prefix: '' })) count++;
  return count;
};

const objectOf = async (world: World, manifest: Manifest | null, path: string): Promise<Buffer> => {
  const file = manifest?.files.find((each) => each.path === path);
  return Buffer.from(await readBytes(world.store, String(file?.key)));
};

test('parts are in the bucket while the file grows, the last one soon after it is still, and are not sent again', async () => {
  const { append, look, memory, sent, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(3 * PART_SIZE_BYTES + 1000);
  await look(publisher);
  await append('checkpoint-5/model.bin', content.subarray(0, PART_SIZE_BYTES + 10));
  await look(publisher);
  expect(sent.parts).toBe(1);
  await append('checkpoint-5/model.bin', content.subarray(PART_SIZE_BYTES + 10, 2 * PART_SIZE_BYTES));
  await look(publisher);
  expect(sent.parts).toBe(2);
  await append('checkpoint-5/model.bin', content.subarray(2 * PART_SIZE_BYTES));
  await look(publisher, 3);
  expect(sent.parts).toBe(4);
  expect(await world.keys('runs/')).toEqual([]);
  const { published } = await world.settleAndPass(publisher);
  expect(published).toMatchObject({ step: 5, files: [{ path: 'checkpoint-5/model.bin' }] });
  expect(sent.parts).toBe(4);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
  expect(await openUploads(memory)).toBe(0);
});

test('what a file grows by while it is sent goes up without another look', async () => {
  const clock = new FakeClock();
  const content = randomBytes(6 * PART_SIZE_BYTES);
  let written = 2;
  let appended = Promise.resolve();
  const store = intercepted(new MemoryStore({ clock }), async (call, perform) => {
    // Whenever a part goes up the script has written one more.
    if (call.operation === 'uploadPart' && written < 6) {
      const piece = content.subarray(written * PART_SIZE_BYTES, ++written * PART_SIZE_BYTES);
      appended = appended.then(() => append(FILE, piece));
    }
    await appended;
    return perform();
  });
  const { append, look, sent, world } = await growingWorld({ store });
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append(FILE, content.subarray(0, 2 * PART_SIZE_BYTES));
  await look(publisher, 1);
  expect(sent.parts).toBe(6);
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, FILE), content)).toBe(0);
  expect(sent.parts).toBe(6);
});

test('a temporary file that is renamed in the end needs no second upload, and its object bears the final name', async () => {
  const { append, look, sent, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(2 * PART_SIZE_BYTES + 5);
  await look(publisher);
  await append('tmp-checkpoint-7/model.bin.tmp', content);
  await look(publisher, 3);
  await rename(join(world.folder, 'tmp-checkpoint-7/model.bin.tmp'), join(world.folder, 'tmp-checkpoint-7/model.bin'));
  await rename(join(world.folder, 'tmp-checkpoint-7'), join(world.folder, 'checkpoint-7'));
  const { published } = await world.settleAndPass(publisher);
  expect(published?.files[0]?.key).toMatch(/\/data\/000001-00000001-[a-z2-7]+\/checkpoint-7\/model\.bin$/);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-7/model.bin'), content)).toBe(0);
  expect(sent.parts).toBe(3);
});

async function rewrite(path: string, at: number, bytes: Buffer): Promise<void> {
  const file: FileHandle = await open(path, 'r+');
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

test('a rewrite in the middle is detected, and only that part is sent again', async () => {
  const { append, look, sent, touch, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(3 * PART_SIZE_BYTES);
  await look(publisher);
  await append('checkpoint-5/model.bin', content);
  await look(publisher, 1);
  expect(sent.parts).toBe(3);
  const header = randomBytes(64);
  await rewrite(join(world.folder, 'checkpoint-5/model.bin'), 100, header);
  await touch('checkpoint-5/model.bin');
  header.copy(content, 100);
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
  expect(sent.parts).toBe(4);
});

test('a file that is started over under its name is sent as it is in the end', async () => {
  const { append, look, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher, 2);
  await world.write('checkpoint-5/model.bin', '');
  const content = randomBytes(PART_SIZE_BYTES + 77);
  await append('checkpoint-5/model.bin', content);
  await look(publisher);
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
});

test('the upload of a file that is deleted, or never becomes part of a checkpoint, is aborted', async () => {
  const { append, clock, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await append('.cache.tmp', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  expect(await openUploads(memory)).toBe(2);
  await rm(join(world.folder, 'checkpoint-5'), { recursive: true });
  await look(publisher);
  expect(await openUploads(memory)).toBe(1);
  await clock.advance(600_000);
  await look(publisher);
  expect(await openUploads(memory)).toBe(0);
});

test('an older step that was overtaken is given up once the newer is committed', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append('checkpoint-5/model.bin.tmp', randomBytes(2 * PART_SIZE_BYTES));
  await append('checkpoint-6/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  expect(await openUploads(memory)).toBe(2);
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ step: 6 });
  expect(await openUploads(memory)).toBe(0);
});

test.each([
  ['before a deadline other files that do not grow any more are', 100_000, 0],
  ['without a deadline no other file is', undefined, 1],
])('%s given up', async (_name, timeLeftMs, open) => {
  const { append, clock, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append('scratch.tmp', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  await world.write('checkpoint-5/model.bin', 'small');
  await publisher.pass({ signal: never });
  await clock.advance(6000);
  expect(await openUploads(memory)).toBe(1);
  const deadline = timeLeftMs === undefined ? {} : { deadlineMs: clock.monotonicMs() + timeLeftMs };
  expect((await publisher.pass({ signal: never, ...deadline })).published).toMatchObject({ step: 5 });
  await publisher.settled();
  expect(await openUploads(memory)).toBe(open);
});

test('at the end all that no manifest names is given up', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  await publisher.end();
  expect(await openUploads(memory)).toBe(0);
});

test('what is uploaded for nothing again and again is not begun any more', async () => {
  const { append, look, sent, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await look(publisher);
  for (let round = 0; round < 4; round++) {
    await append(`scratch-${round}.tmp`, randomBytes(PART_SIZE_BYTES));
    await look(publisher);
    await rm(join(world.folder, `scratch-${round}.tmp`));
    await look(publisher);
  }
  expect(sent.parts).toBe(2);
});

test('logs, small files and files that lay there before are left to the passes', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  await append('pretrained.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  await append('train.log', randomBytes(2 * PART_SIZE_BYTES));
  await append('small.bin', randomBytes(1000));
  await look(publisher, 2);
  expect(await openUploads(memory)).toBe(0);
});

test('where the guess which checkpoint a file belongs to was wrong, its object is moved inside the store', async () => {
  const { append, look, sent, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(PART_SIZE_BYTES + 9);
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  await append('checkpoint-99.tmp', content);
  await look(publisher, 3);
  await rename(join(world.folder, 'checkpoint-99.tmp'), join(world.folder, 'checkpoint-5/optimizer.bin'));
  const { published } = await world.settleAndPass(publisher);
  const folders = new Set(published?.files.map((file) => file.key.split('/')[3]));
  expect(folders.size).toBe(1);
  expect(await world.keys('runs/')).toHaveLength(4);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/optimizer.bin'), content)).toBe(0);
  expect(sent.parts).toBe(4);
});

test('an object that was changed before it is moved inside the store is sent again', async () => {
  const memory = new MemoryStore({ clock: new FakeClock() });
  const store = intercepted(memory, async (call, perform) => {
    if (call.operation === 'copy')
      for await (const { key, sizeBytes } of memory.list({ prefix: '' }))
        if (key.endsWith('checkpoint-99')) await memory.put(key, randomBytes(sizeBytes));
    return perform();
  });
  const { append, look, world } = await growingWorld({ store });
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(PART_SIZE_BYTES + 9);
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  await append('checkpoint-99.tmp', content);
  await look(publisher, 3);
  await rename(join(world.folder, 'checkpoint-99.tmp'), join(world.folder, 'checkpoint-5/optimizer.bin'));
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/optimizer.bin'), content)).toBe(0);
  const named = published?.files.map((file) => file.key);
  expect((await world.keys('runs/')).filter((key) => key.includes('/data/')).toSorted()).toEqual(named?.toSorted());
});

test('parts that did not change are copied from the checkpoint before, wherever they lie in it', async () => {
  const { append, sent, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(4 * PART_SIZE_BYTES + 3);
  await append('checkpoint-1/model.bin', content);
  await world.settleAndPass(publisher);
  expect(sent).toMatchObject({ parts: 5, copied: 0 });
  content.writeUInt8(content.readUInt8(PART_SIZE_BYTES) ^ 1, PART_SIZE_BYTES);
  const moved = Buffer.concat([content.subarray(PART_SIZE_BYTES), content.subarray(0, PART_SIZE_BYTES)]);
  await append('checkpoint-2/model.bin', moved.subarray(0, 4 * PART_SIZE_BYTES));
  const { published } = await world.settleAndPass(publisher);
  // The first part was changed, and the last one begins three bytes off.
  expect(sent).toMatchObject({ parts: 7, copied: 2 });
  expect(
    Buffer.compare(await objectOf(world, published, 'checkpoint-2/model.bin'), moved.subarray(0, 4 * PART_SIZE_BYTES)),
  ).toBe(0);
});

test('nothing is copied from a checkpoint that a restore found damaged', async () => {
  const { append, sent, world } = await growingWorld();
  await using _ = world;
  const content = randomBytes(2 * PART_SIZE_BYTES);
  await append('checkpoint-1/model.bin', content);
  const { durable } = await world.settleAndPass(world.publisher());
  await append('checkpoint-2/model.bin', content);
  await world.settleAndPass(world.publisher({ rejected: [String(durable?.manifest)] }));
  expect(sent).toMatchObject({ parts: 4, copied: 0 });
});

/** An agent that dies: nothing it does afterwards reaches the store. */
function mortal(world: World, options: Partial<PublisherOptions> = {}) {
  const life = { dead: false, die: () => ((life.dead = true), publisher.end()) };
  const store = intercepted(world.store, async (_call, perform) => {
    if (life.dead) throw new StoreError('permanent', 'dead');
    const result = await perform();
    if (life.dead) throw new StoreError('permanent', 'dead');
    return result;
  });
  const { journal } = options;
  // What a dead agent appends is lost with it.
  const noted = journal && {
    ...journal,
    append: (entry: JournalEntry) => (life.dead ? Promise.resolve() : journal.append(entry)),
  };
  const publisher = world.publisher({ ...options, store, ...(noted === undefined ? {} : { journal: noted }) });
  return { life, publisher };
}

test('an agent that starts again goes on with what the one before had sent', async () => {
  const { append, look, memory, sent, world } = await growingWorld();
  await using _ = world;
  const journal = memoryUploadJournal();
  const content = randomBytes(4 * PART_SIZE_BYTES + 5);
  const first = mortal(world, { journal });
  await look(first.publisher);
  await append('checkpoint-5/model.bin.tmp', content.subarray(0, 3 * PART_SIZE_BYTES));
  await look(first.publisher);
  await first.life.die();
  expect(sent.parts).toBe(3);
  await append('checkpoint-5/model.bin.tmp', content.subarray(3 * PART_SIZE_BYTES));
  await rename(join(world.folder, 'checkpoint-5/model.bin.tmp'), join(world.folder, 'checkpoint-5/model.bin'));
  const { published } = await world.settleAndPass(world.publisher({ journal }));
  expect(sent.parts).toBe(5);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
  expect(await openUploads(memory)).toBe(0);
});

test('a file that is renamed at the very moment at which an agent takes its upload up is not sent again', async () => {
  const { append, look, sent, world } = await growingWorld();
  await using _ = world;
  const journal = memoryUploadJournal();
  const content = randomBytes(2 * PART_SIZE_BYTES);
  const first = mortal(world, { journal });
  await look(first.publisher);
  await append('checkpoint-5/model.bin.tmp', content);
  await look(first.publisher);
  await first.life.die();
  let pending = true;
  const read = async () => {
    // After the folder was looked at.
    if (pending)
      await rename(join(world.folder, 'checkpoint-5/model.bin.tmp'), join(world.folder, 'checkpoint-5/model.bin'));
    pending = false;
    return journal.read();
  };
  const again = world.publisher({ journal: { ...journal, read } });
  await look(again);
  expect(pending).toBe(false);
  const { published } = await world.settleAndPass(again);
  expect(sent.parts).toBe(2);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
});

test('after a restart parts that arrived before they could be noted are not sent again, unless their bytes changed', async () => {
  const { append, look, memory, sent, touch, world } = await growingWorld();
  await using _ = world;
  const journal = memoryUploadJournal();
  const content = randomBytes(4 * PART_SIZE_BYTES);
  const first = mortal(world, { journal });
  await look(first.publisher);
  await append('checkpoint-5/model.bin', content);
  await look(first.publisher);
  await first.life.die();
  expect(sent.parts).toBe(4);
  const noted = await journal.read();
  await journal.replace(noted.filter((entry) => entry.type !== 'sent' || entry.part.partNumber === 1));
  await rewrite(join(world.folder, 'checkpoint-5/model.bin'), PART_SIZE_BYTES + 7, Buffer.from('changed'));
  await touch('checkpoint-5/model.bin');
  Buffer.from('changed').copy(content, PART_SIZE_BYTES + 7);
  const { published } = await world.settleAndPass(world.publisher({ journal }));
  expect(sent.parts).toBe(5);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
  expect(await openUploads(memory)).toBe(0);
});

test('after a restart a part that was rewritten meanwhile is sent again, though the store has one of its number', async () => {
  const { append, look, sent, touch, world } = await growingWorld();
  await using _ = world;
  const journal = memoryUploadJournal();
  const content = randomBytes(2 * PART_SIZE_BYTES);
  const first = mortal(world, { journal });
  await look(first.publisher);
  await append('checkpoint-5/model.bin', content);
  await look(first.publisher);
  await first.life.die();
  await rewrite(join(world.folder, 'checkpoint-5/model.bin'), 7, Buffer.from('changed'));
  await touch('checkpoint-5/model.bin');
  Buffer.from('changed').copy(content, 7);
  const { published } = await world.settleAndPass(world.publisher({ journal }));
  expect(sent.parts).toBe(3);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
});

test('after a restart what nobody wants any more is aborted, noted or not', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  const journal = memoryUploadJournal();
  const first = mortal(world, { journal });
  await look(first.publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(first.publisher);
  const [place] = (await journal.read()).flatMap((entry) => (entry.type === 'place' ? [entry.place] : []));
  await memory.createMultipart(`${place?.folder}opened-and-not-noted`);
  await first.life.die();
  expect(await openUploads(memory)).toBe(2);
  await rm(join(world.folder, 'checkpoint-5'), { recursive: true });
  await look(world.publisher({ journal }));
  expect(await openUploads(memory)).toBe(0);
});

test('an upload that somebody aborted meanwhile is begun anew', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  const publisher = world.publisher();
  const content = randomBytes(2 * PART_SIZE_BYTES + 1);
  await look(publisher);
  await append('checkpoint-5/model.bin', content);
  await look(publisher);
  for await (const upload of memory.listMultipart({ prefix: '' })) await memory.abortMultipart(upload);
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-5/model.bin'), content)).toBe(0);
});

test('a large file that the script rotates away during its upload is published whole', async () => {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock });
  const content = randomBytes(2 * PART_SIZE_BYTES);
  let rotated = false;
  const store = intercepted(memory, async (call, perform) => {
    if (call.operation === 'uploadPart' && !rotated) {
      rotated = true;
      await rm(join(world.folder, 'checkpoint-1'), { recursive: true });
    }
    return perform();
  });
  await using world = await openWorld({ clock, store });
  await world.write('checkpoint-1/model.bin', content);
  const { published } = await world.settleAndPass(world.publisher());
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-1/model.bin'), content)).toBe(0);
});

test('a large file that is overwritten in place during its upload makes the manifest be abandoned, and the next one right', async () => {
  const clock = new FakeClock();
  const memory = new MemoryStore({ clock });
  let overwritten = false;
  const changed = randomBytes(2 * PART_SIZE_BYTES);
  const store = intercepted(memory, async (call, perform) => {
    const result = await perform();
    if (call.operation === 'uploadPart' && !overwritten) {
      overwritten = true;
      await clock.advance(10);
      await rewrite(join(world.folder, 'checkpoint-1/model.bin'), 0, changed);
    }
    return result;
  });
  await using world = await openWorld({ clock, store });
  const publisher = world.publisher();
  await world.write('checkpoint-1/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  const report = await world.settleAndPass(publisher);
  expect(report.published).toBeNull();
  expect(report.notDurable).toMatchObject([expect.stringContaining('changed while it was uploaded')]);
  const { published } = await world.settleAndPass(publisher);
  expect(Buffer.compare(await objectOf(world, published, 'checkpoint-1/model.bin'), changed)).toBe(0);
  expect((await stat(join(world.folder, 'checkpoint-1/model.bin'))).size).toBe(changed.length);
});

test.each(['committed', 'not committed'])(
  'what a manifest may name is never taken away, though its pointer was %s by an answer that was lost',
  async (how) => {
    const clock = new FakeClock();
    const memory = new MemoryStore({ clock });
    let cut = true;
    const store = intercepted(memory, async (call, perform) => {
      if (!cut || call.operation !== 'put' || !call.key?.endsWith('latest.json')) return perform();
      if (how === 'committed') await perform();
      throw new StoreError('permanent', 'nobody knows');
    });
    await using world = await openWorld({ clock, store });
    const publisher = world.publisher();
    const content = randomBytes(PART_SIZE_BYTES + 1);
    await world.write('checkpoint-1/model.bin', content);
    expect((await world.settleAndPass(publisher)).published).toBeNull();
    const [named] = await world.keys('runs/r-abcdefghij/data/');
    cut = false;
    if (how === 'not committed') await publisher.pass({ signal: never });
    expect(await world.pointer()).toMatchObject({ seq: how === 'committed' ? 1 : 2 });
    await rm(join(world.folder, 'checkpoint-1'), { recursive: true });
    await publisher.uploadGrowing(never);
    await publisher.end();
    expect(Buffer.compare(Buffer.from(await readBytes(memory, String(named))), content)).toBe(0);
    await world.restore();
    expect((await stat(join(world.folder, 'checkpoint-1/model.bin'))).size).toBe(content.length);
  },
);

test('without the lease nothing is begun, and another generation begins anew', async () => {
  const { append, look, memory, world } = await growingWorld();
  await using _ = world;
  let holder: { generation: number } | null = null;
  const publisher = world.publisher({ mayPublish: () => holder });
  await look(publisher);
  await append('checkpoint-5/model.bin', randomBytes(2 * PART_SIZE_BYTES));
  await look(publisher);
  expect(await openUploads(memory)).toBe(0);
  holder = { generation: 1 };
  await look(publisher);
  expect(await openUploads(memory)).toBe(1);
  holder = { generation: 3 };
  await append('checkpoint-5/model.bin', randomBytes(10));
  await look(publisher, 2);
  const keys = [];
  for await (const { key } of memory.listMultipart({ prefix: '' })) keys.push(key);
  expect(keys).toMatchObject([expect.stringContaining('/data/000003-')]);
  expect((await world.settleAndPass(publisher)).published).toMatchObject({ generation: 3 });
});
