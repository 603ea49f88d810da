import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeDocument, manifest as manifestSchema, runKeys } from '@runctl/protocol';
import { forbiddenPath } from '@runctl/testkit';
import { describe, expect, test, type TestContext } from 'vitest';
import type { PassReport } from '../contract/publisher-port.ts';
import { openWorld, RUN, type World } from '../testing/test-world.ts';

const HOUR_MS = 3_600_000;

/** Step 100 is durable; afterwards `spoil` puts something into the folder of step 200. */
async function afterSpoiling(spoil: (world: World, folder: string) => Promise<unknown>) {
  const world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights of 100');
  await world.settleAndPass(publisher);
  await world.write('checkpoint-200/model.bin', 'weights of 200');
  await spoil(world, join(world.folder, 'checkpoint-200'));
  return { world, publisher, report: await world.settleAndPass(publisher) };
}

describe('what no bucket can hold', () => {
  test.each<[string, RegExp, (folder: string) => Promise<unknown>]>([
    [
      'a name that is not UTF-8',
      /name is not UTF-8/,
      (folder) => writeFile(Buffer.concat([Buffer.from(`${folder}/shard-`), Buffer.from([0xff, 0xfe])]), 'x'),
    ],
    [
      'a folder whose name is not UTF-8',
      /name is not UTF-8/,
      (folder) => mkdir(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xe9])])),
    ],
    [
      'a name that another system takes for a path, so that no restore would take it',
      /backslash/,
      (folder) => writeFile(join(folder, 'back\\slash.bin'), 'x'),
    ],
    [
      'a path longer than a key',
      /path has \d+ bytes/,
      async (folder) => {
        const deep = join(folder, ...Array.from({ length: 5 }, () => 'd'.repeat(200)));
        await mkdir(deep, { recursive: true });
        await writeFile(join(deep, 'shard'), 'x');
      },
    ],
    [
      'a file larger than an object',
      /save it in shards/,
      async (folder) => {
        await writeFile(join(folder, 'huge.bin'), '');
        await truncate(join(folder, 'huge.bin'), 6 * 1024 ** 4);
      },
    ],
  ])('%s keeps its checkpoint back, is told, and waits for nothing', async (what, why, spoil) => {
    const { world, publisher, report } = await afterSpoiling((_, folder) => spoil(folder));
    await using _ = world;
    expect(report, what).toMatchObject({ error: null, published: null, unsettled: false });
    expect(report.notDurable).toEqual([expect.stringMatching(why) as string]);
    expect(report.passedOver).toContainEqual({ path: 'checkpoint-200', why: expect.stringMatching(why) as string });
    expect((await world.pointer())?.step).toBe(100);
    // The next checkpoint is none the worse for it.
    await world.write('checkpoint-300/model.bin', 'weights of 300');
    expect((await world.settleAndPass(publisher)).published?.step).toBe(300);
  });
});

test('names that are odd and sound come back from the bucket as they were', async () => {
  const names = [
    '-rf',
    'new\nline.bin',
    'tab\t\u0001.bin',
    'a b+&%2F?#.bin',
    'dot.',
    'blank ',
    'n'.repeat(255),
    'u\u0308 \u{1F409}',
  ];
  const content = Object.fromEntries(names.map((name) => [name, `content of ${name}`]));
  const { world, report } = await afterSpoiling((_, folder) =>
    Promise.all(names.map((name) => writeFile(join(folder, name), content[name] ?? ''))),
  );
  await using _ = world;
  expect(report).toMatchObject({ error: null, published: { step: 200 }, passedOver: [] });
  await using machine = await openWorld({ clock: world.clock, store: world.store });
  expect(await machine.restore()).toMatchObject({ manifest: { step: 200 }, warnings: [] });
  for (const name of names)
    expect(await readFile(join(machine.folder, 'checkpoint-200', name), 'utf8'), name).toBe(content[name]);
});

test('sockets, pipes, devices and links out of the folder are no part of a checkpoint', async () => {
  const server = createServer();
  const { world, report } = await afterSpoiling(async ({ root }, folder) => {
    await writeFile(join(root, 'secret'), 'not for the bucket');
    await symlink(join(root, 'secret'), join(folder, 'leak'));
    await symlink('/dev/zero', join(folder, 'endless'));
    await symlink('model.bin', join(folder, 'best.bin'));
    await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
    await new Promise<void>((resolve) => {
      server.listen(join(folder, 'socket'), resolve);
    });
  });
  await using _ = world;
  server.close();
  expect(report.published?.files.map((file) => file.path)).toEqual([
    'checkpoint-200/best.bin',
    'checkpoint-200/model.bin',
  ]);
  expect(report.passedOver.map(({ path, why }) => `${path} ${why}`)).toEqual([
    expect.stringMatching(/^checkpoint-200\/endless is a link to \/dev\/zero, outside of the checkpoint folder/),
    expect.stringMatching(/^checkpoint-200\/leak is a link to .*secret, outside of the checkpoint folder/),
    'checkpoint-200/pipe is a pipe, and no checkpoint',
    'checkpoint-200/socket is a socket, and no checkpoint',
  ]);
});

describe('what may not be read', () => {
  /** Step 100 is durable; then `path` of step 200, or beside it, is closed to everybody. */
  const withForbidden = async (context: TestContext, path: string, check: (report: PassReport) => void) => {
    await using world = await openWorld();
    await world.write('checkpoint-100/model.bin', 'weights of 100');
    await world.write('checkpoint-200/model.bin', 'weights of 200');
    await world.write(path.endsWith('/') ? `${path}file` : path, 'nobody may see this');
    await using forbidden = await forbiddenPath(join(world.folder, path), { root: world.root });
    if (forbidden === null) context.skip('this process can not act as an ordinary user');
    check(await world.settleAndPass(world.publisher()));
  };

  test('a folder beside the checkpoints is told, and they are published', async (context) =>
    withForbidden(context, 'private/', (report) => {
      expect(report).toMatchObject({ error: null, published: { step: 200 }, unsettled: false, notDurable: [] });
      expect(report.passedOver).toEqual([{ path: 'private', why: "can't be looked into (EACCES)" }]);
    }));

  test('a file beside the checkpoints is told, and they are published without waiting for it', async (context) =>
    withForbidden(context, 'vocabulary.bin', (report) => {
      expect(report).toMatchObject({ error: null, published: { step: 200 }, unsettled: false });
      expect(report.passedOver).toMatchObject([{ path: 'vocabulary.bin', why: expect.stringMatching(/EACCES/) }]);
    }));

  test.for([
    ['a folder', 'checkpoint-200/optimizer/', /optimizer, which is part of it, can't be looked into/],
    ['a file', 'checkpoint-200/optimizer.bin', /optimizer.bin can't be read: EACCES/],
  ] as const)(
    '%s in a checkpoint keeps it back, with an account, and the one before is published',
    async (row, context) => {
      const [, path, why] = row;
      await withForbidden(context, path, (report) => {
        expect(report).toMatchObject({ error: null, published: { step: 100 }, unsettled: false });
        expect(report.passedOver).toContainEqual({ path: 'checkpoint-200', why: expect.stringMatching(why) as string });
        expect(report.notDurable).toEqual([expect.stringMatching(why)]);
      });
    },
  );
});

test('a companion that no bucket can hold is told, and keeps no checkpoint back', async () => {
  await using world = await openWorld();
  await world.write('checkpoint-100/model.bin', 'weights of 100');
  await writeFile(Buffer.concat([Buffer.from(`${world.folder}/vocabulary-`), Buffer.from([0xff])]), 'x');
  const report = await world.settleAndPass(world.publisher());
  expect(report).toMatchObject({ error: null, published: { step: 100 }, unsettled: false });
  expect(report.passedOver).toMatchObject([{ why: expect.stringMatching(/name is not UTF-8/) }]);
});

test('a folder that comes late, goes away and comes again is watched all the same', async () => {
  await using world = await openWorld();
  await rm(world.folder, { recursive: true });
  const publisher = world.publisher();
  expect(await world.settleAndPass(publisher)).toMatchObject({ error: null, published: null });
  await world.write('checkpoint-100/model.bin', 'weights of 100');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(100);
  await rm(world.folder, { recursive: true });
  expect(await world.settleAndPass(publisher)).toMatchObject({ error: null, published: null });
  await world.write('checkpoint-200/model.bin', 'weights of 200');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(200);
});

test.each([
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
])('a clock that jumps an hour %s hides no checkpoint and repeats none', async (_, jumpMs) => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-100/model.bin', 'weights of 100');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(100);
  // The files of the next save bear the times of the clock that jumped.
  await world.write('checkpoint-200/model.bin', 'weights of 200', -jumpMs);
  expect((await world.settleAndPass(publisher)).published?.step).toBe(200);
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  // An agent that begins anew knows nothing but the files and the bucket.
  const restarted = world.publisher();
  for (let pass = 0; pass < 3; pass++) expect((await world.settleAndPass(restarted)).published).toBeNull();
  await world.write('checkpoint-300/model.bin', 'weights of 300');
  expect((await world.settleAndPass(restarted)).published?.step).toBe(300);
});

test('a script that starts over in the same folder has its new, lower steps kept, and none of the old ones brought back', async () => {
  await using world = await openWorld();
  const publisher = world.publisher();
  await world.write('checkpoint-200/model.bin', 'weights of 200');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(200);
  await world.write('checkpoint-100/model.bin', 'weights of another 100');
  expect((await world.settleAndPass(publisher)).published?.step).toBe(100);
  expect((await world.settleAndPass(publisher)).published).toBeNull();
  expect((await world.pointer())?.step).toBe(100);
});

describe('a machine that cannot take the checkpoint', () => {
  test('says where it failed, and leaves the bucket alone', async () => {
    await using world = await openWorld();
    await world.write('checkpoint-100/model.bin', 'weights of 100');
    await world.settleAndPass(world.publisher());
    await writeFile(join(world.root, 'file'), 'in the way');
    const before = await world.keys();
    const folder = join(world.root, 'file', 'checkpoints');
    await expect(world.restore({ folder })).rejects.toThrow(/file/);
    expect(await world.keys()).toEqual(before);
  });

  test('goes back to one whose names it can hold, and says why', async () => {
    await using world = await openWorld();
    const publisher = world.publisher();
    for (const step of [100, 200]) {
      await world.write(`checkpoint-${step}/model.bin`, `weights of ${step}`);
      await world.settleAndPass(publisher);
    }
    const { published } = await (async () => {
      await world.write('checkpoint-300/model.bin', 'weights of 300');
      return world.settleAndPass(publisher);
    })();
    if (published === null) throw new Error('step 300 was not published');
    // As a file system with longer names would have saved it.
    const files = published.files.map((file) => ({ ...file, path: `checkpoint-300/${'n'.repeat(300)}` }));
    const key = runKeys(RUN).manifest(published);
    await world.store.put(key, encodeDocument(manifestSchema, { ...published, files }));
    await using machine = await openWorld({ clock: world.clock, store: world.store });
    const restored = await machine.restore();
    expect(restored).toMatchObject({ manifest: { step: 200 }, rejected: [key] });
    expect(restored?.warnings).toMatchObject([expect.stringMatching(/this machine can't hold .*ENAMETOOLONG/)]);
  });
});
