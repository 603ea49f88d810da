import { mkdir, readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { silentLog } from '@runctl/core';
import { encodeDocument, type KeptFile, keptOutput, parseOutputKey, runKeys } from '@runctl/protocol';
import { intercepted, MemoryStore, type ObjectStore } from '@runctl/store';
import { FakeClock, forbiddenPath, temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { type OutputFolder, type OutputFolderOptions, UNPROVEN_FOLDER } from '../contract/output-port.ts';
import { zipOf } from '../testing/test-world.ts';
import { fetchOutput } from './fetch-output.ts';
import { readOutput } from './index-document.ts';
import { openOutputFolder } from './keep-output.ts';

const RUN = 'r-abcdefghij';
const NO_OTHER_USER = 'this process can not act as an ordinary user';
const SETTLE_MS = 2000;
const signal = new AbortController().signal;
const running = { signal, ended: false };
const ended = { signal, ended: true };

interface Disk extends AsyncDisposable {
  readonly folder: string;
  readonly output: OutputFolder;
  write(path: string, content: string | Uint8Array, atMs?: number): Promise<void>;
  read(path: string): Promise<string>;
}

/** The bucket of a run, its machines' disks, and a clock that only tests move. */
class World {
  readonly clock = new FakeClock();
  readonly memory = new MemoryStore({ clock: this.clock });
  readonly puts: string[] = [];
  readonly store: ObjectStore = intercepted(this.memory, async (call, proceed) => {
    if (call.operation === 'put') this.puts.push(String(call.key));
    return proceed();
  });

  async disk(options: Partial<OutputFolderOptions> = {}): Promise<Disk> {
    const temporary = await temporaryFolder('output');
    const folder = join(temporary.path, 'outputs');
    const output = openOutputFolder({
      store: this.store,
      run: RUN,
      folder,
      checkpointFolder: join(folder, 'ckpt'),
      clock: this.clock,
      log: silentLog,
      settleMs: SETTLE_MS,
      mayPublish: () => ({ generation: 1 }),
      ...options,
    });
    return {
      folder,
      output,
      write: async (path, content, atMs = this.clock.wallMs()) => {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), content);
        await utimes(join(folder, path), new Date(atMs), new Date(atMs));
      },
      read: (path) => readFile(join(folder, path), 'utf8'),
      [Symbol.asyncDispose]: () => rm(temporary.path, { recursive: true, force: true }),
    };
  }

  async kept(): Promise<readonly string[]> {
    const stored = await readOutput({ store: this.memory, run: RUN, signal });
    return (stored?.output.files ?? []).map(({ path }) => path).sort();
  }

  /** Paths of the files whose bytes were sent since the last call. */
  sent(): readonly string[] {
    const data = this.puts.splice(0).filter((key) => parseOutputKey(`/${key}`) !== null);
    return data.map((key) => key.split('/').slice(4).join('/')).sort();
  }

  async objects(): Promise<number> {
    let count = 0;
    for await (const { key } of this.memory.list({ prefix: runKeys(RUN).outputFolder }))
      if (key !== runKeys(RUN).outputIndex) count++;
    return count;
  }
}

test('keeps what a script wrote, and puts it back on the next machine, where nothing of it is sent again', async () => {
  const world = new World();
  await using first = await world.disk();
  await first.write('model.pt', zipOf('weights'));
  await first.write('plots/loss.txt', 'one\n');
  const report = await first.output.pass(ended);
  expect(report).toMatchObject({ kept: { files: 2 }, sentFiles: 2, waiting: [], unkept: [] });
  expect(world.sent()).toEqual(['model.pt', 'plots/loss.txt']);
  await using second = await world.disk({ mayPublish: () => ({ generation: 2 }) });
  expect(await second.output.restore({ signal })).toEqual([]);
  expect(await second.read('plots/loss.txt')).toBe('one\n');
  await second.output.pass(ended);
  expect(world.sent()).toEqual([]);
  await second.write('plots/loss.txt', 'one\ntwo\n');
  await second.output.pass(ended);
  expect(world.sent()).toEqual(['plots/loss.txt']);
  expect(await world.kept()).toEqual(['model.pt', 'plots/loss.txt']);
});

test('takes a file at a still moment while the script runs, and as it is once that has ended', async () => {
  const world = new World();
  await using disk = await world.disk();
  await disk.write('log.txt', 'line\n');
  await disk.write('half.pt', zipOf('weights').subarray(0, 20));
  // The time of an inode's last change can't be set: the clock follows it.
  const { ctimeMs } = await stat(join(disk.folder, 'half.pt'));
  await world.clock.advance(ctimeMs + 1000 - world.clock.wallMs());
  const moving = await disk.output.pass(running);
  expect(moving.waiting).toContainEqual({ path: 'half.pt', why: expect.stringContaining('a moment ago') });
  await world.clock.advance(60_000);
  const still = await disk.output.pass(running);
  expect(still.waiting).toEqual([{ path: 'half.pt', why: expect.stringContaining('not whole yet') }]);
  expect(await world.kept()).toEqual(['log.txt']);
  const last = await disk.output.pass(ended);
  expect(last).toMatchObject({ sentFiles: 1, waiting: [] });
  expect(await world.kept()).toEqual(['half.pt', 'log.txt']);
});

test('writes nothing without the lease, and nothing over what a later generation kept', async () => {
  const world = new World();
  let held: { readonly generation: number } | null = { generation: 1 };
  await using old = await world.disk({ mayPublish: () => held });
  await old.write('a.txt', 'old');
  await old.output.pass(ended);
  await using next = await world.disk({ mayPublish: () => ({ generation: 2 }) });
  await next.write('a.txt', 'newer');
  await next.output.pass(ended);
  await old.write('a.txt', 'from a machine that was asleep');
  await expect(old.output.pass(ended)).rejects.toMatchObject({ reason: 'fenced' });
  held = null;
  await expect(old.output.pass(ended)).rejects.toMatchObject({ reason: 'not-holder' });
  await using reader = await world.disk();
  await reader.output.restore({ signal });
  expect(await reader.read('a.txt')).toBe('newer');
});

test('loses the lease in the middle of a pass without touching what is kept', async () => {
  const world = new World();
  let held: { readonly generation: number } | null = { generation: 1 };
  await using disk = await world.disk({
    mayPublish: () => held,
    store: intercepted(world.memory, async (call, proceed) => {
      if (call.operation === 'put' && call.key !== runKeys(RUN).outputIndex) held = null;
      return proceed();
    }),
  });
  await disk.write('a.txt', 'a');
  await expect(disk.output.pass(ended)).rejects.toMatchObject({ reason: 'not-holder' });
  expect(await world.kept()).toEqual([]);
});

test('drops a file that the script deleted, and none that this disk never had', async () => {
  const world = new World();
  await using first = await world.disk();
  await first.write('a.txt', 'a');
  await first.write('b.txt', 'b');
  await first.output.pass(running);
  await world.clock.advance(Date.now() - world.clock.wallMs() + 60_000);
  await first.output.pass(running);
  await rm(join(first.folder, 'a.txt'));
  await first.output.pass(running);
  expect(await world.kept()).toEqual(['b.txt']);
  // Nothing was put back here, for want of room say.
  await using second = await world.disk({ mayPublish: () => ({ generation: 2 }) });
  await second.write('c.txt', 'c');
  await second.output.pass(ended);
  expect(await world.kept()).toEqual(['b.txt', 'c.txt']);
});

test('drops nothing while the whole folder is gone, or a part of it may not be looked into', async (context) => {
  const world = new World();
  await using disk = await world.disk();
  for (const path of ['a.txt', 'sub/b.txt', '.cache/c.txt', 'd.txt']) await disk.write(path, path);
  await disk.output.pass(ended);
  const all = await world.kept();
  await rename(disk.folder, `${disk.folder}-elsewhere`);
  await disk.output.pass(ended);
  expect(await world.kept()).toEqual(all);
  await rename(`${disk.folder}-elsewhere`, disk.folder);
  await rm(join(disk.folder, 'd.txt'));
  for (const path of ['sub', '.cache']) {
    await using forbidden = await forbiddenPath(join(disk.folder, path), { root: dirname(disk.folder) });
    if (forbidden === null) context.skip(NO_OTHER_USER);
    await disk.output.pass(ended);
    expect(await world.kept()).toEqual(['.cache/c.txt', 'a.txt', 'sub/b.txt']);
  }
});

test('keeps files of another folder besides, where no machine gets them back and no pass drops them', async () => {
  const world = new World();
  await using first = await world.disk();
  await using other = await world.disk();
  await first.write('a.txt', 'a');
  for (const path of ['step-3.pt', 'step-4/model.pt', 'step-4/.half.tmp', 'log.txt']) await other.write(path, path);
  const besides = { folder: other.folder, entries: ['step-3.pt', 'step-4', 'gone.pt'], signal };
  const report = await first.output.keepUnproven(besides);
  const unkept = [{ path: 'gone.pt', why: 'is gone' }];
  expect(report).toMatchObject({ kept: { files: 0, sizeBytes: 0 }, sentFiles: 3, waiting: [], unkept });
  const unproven = ['step-3.pt', 'step-4/.half.tmp', 'step-4/model.pt'].map((path) => `${UNPROVEN_FOLDER}/${path}`);
  expect(await world.kept()).toEqual(unproven);
  expect((await first.output.pass(ended)).kept).toEqual({ files: 1, sizeBytes: 1 });
  expect(await world.kept()).toEqual(['a.txt', ...unproven]);
  expect(await first.output.keepUnproven(besides)).toMatchObject({ sentFiles: 0 });
  await other.write('step-3.pt', 'longer by now');
  expect(await first.output.keepUnproven(besides)).toMatchObject({ sentFiles: 1 });
  await using second = await world.disk({ mayPublish: () => ({ generation: 2 }) });
  await second.output.restore({ signal });
  await second.output.pass(ended);
  expect(await readdir(second.folder)).toEqual(['a.txt']);
  expect(await world.kept()).toEqual(['a.txt', ...unproven]);
});

test('deletes what it had kept of such a file an hour after it was replaced', async () => {
  const world = new World();
  await using disk = await world.disk();
  const piece = { folder: disk.folder, entries: ['step-3.pt'], signal };
  const stored = async (): Promise<readonly string[]> => {
    const keys: string[] = [];
    for await (const { key } of world.memory.list({ prefix: '', signal })) keys.push(key);
    return keys;
  };
  await disk.write('step-3.pt', 'short');
  await disk.output.keepUnproven(piece);
  const old = (await stored()).find((key) => key.endsWith('step-3.pt')) ?? expect.fail('nothing was kept');
  await disk.write('step-3.pt', 'longer by now');
  await disk.output.keepUnproven(piece);
  expect(await stored()).toContain(old);
  await world.clock.advance(3_600_001);
  await disk.output.keepUnproven(piece);
  expect(await stored()).not.toContain(old);
  expect(await world.kept()).toEqual([`${UNPROVEN_FOLDER}/step-3.pt`]);
});

test('calls back with each batch that is kept, and with none that is not', async () => {
  const world = new World();
  await using disk = await world.disk();
  for (let file = 0; file < 150; file++) await disk.write(`${file}.txt`, 'x');
  let kept = 0;
  const onKept = () => void kept++;
  await disk.output.pass({ ...ended, onKept });
  expect(kept).toBe(2);
  await disk.output.pass({ ...ended, onKept });
  expect(kept).toBe(2);
  await disk.output.keepUnproven({ folder: disk.folder, entries: ['0.txt'], signal, onKept });
  expect(kept).toBe(3);
});

test('a folder in the place of a file takes its place in the bucket too', async () => {
  const world = new World();
  await using disk = await world.disk();
  await disk.write('a', 'a');
  await disk.output.pass(ended);
  await rm(join(disk.folder, 'a'));
  await disk.write('a/b.txt', 'b');
  await disk.output.pass(ended);
  expect(await world.kept()).toEqual(['a/b.txt']);
});

test('leaves checkpoints to the checkpoints, and links that lead out of the folder alone', async () => {
  const world = new World();
  await using disk = await world.disk();
  await disk.write('ckpt/step_5.pt', 'x');
  await disk.write('.hydra/config.yaml', 'lr: 1');
  await symlink('/etc/hostname', join(disk.folder, 'outside'));
  const report = await disk.output.pass(ended);
  expect(report.unkept).toMatchObject([{ path: 'outside' }]);
  expect(await world.kept()).toEqual(['.hydra/config.yaml']);
});

test('puts an older file of the project aside of what was kept, and leaves one that was written later', async () => {
  const world = new World();
  await using first = await world.disk();
  await first.write('old.txt', 'kept', 2_000_000);
  await first.write('new.txt', 'kept', 2_000_000);
  await first.output.pass(ended);
  await using second = await world.disk();
  await second.write('old.txt', 'from the laptop', 1_000_000);
  await second.write('new.txt', 'written after the last pass', 3_000_000);
  await second.output.restore({ signal });
  expect(await second.read('old.txt')).toBe('kept');
  expect(await second.read('new.txt')).toBe('written after the last pass');
});

test('puts nothing damaged in place, and nothing through a link of the script', async () => {
  const world = new World();
  await using first = await world.disk();
  for (const path of ['bad.txt', 'sub/deep.txt', 'good.txt']) await first.write(path, 'kept');
  await first.output.pass(ended);
  for await (const { key } of world.memory.list({ prefix: runKeys(RUN).outputFolder }))
    if (key.endsWith('/bad.txt')) await world.memory.put(key, Buffer.from('evil'));
  await using second = await world.disk();
  await using elsewhere = await temporaryFolder('elsewhere');
  await mkdir(second.folder, { recursive: true });
  await symlink(elsewhere.path, join(second.folder, 'sub'));
  const warnings = await second.output.restore({ signal });
  expect(warnings.toSorted()).toEqual([
    expect.stringMatching(/^bad\.txt is not put back: .*crc32/),
    expect.stringMatching(/^sub\/deep\.txt is not put back: .*is a link/),
  ]);
  expect(await second.read('good.txt')).toBe('kept');
  await expect(stat(join(second.folder, 'bad.txt'))).rejects.toThrow('ENOENT');
  await expect(stat(join(elsewhere.path, 'deep.txt'))).rejects.toThrow('ENOENT');
});

test('leaves what the disk has no room for in the bucket, and says so', async () => {
  const world = new World();
  await using first = await world.disk();
  await first.write('a.txt', 'a');
  await first.output.pass(ended);
  const stored = await readOutput({ store: world.memory, run: RUN, signal });
  await using second = await world.disk();
  const { clock, memory: store } = world;
  const at = { store, clock, folder: second.folder, signal, keepNewer: true, setAside: null };
  const output = stored?.output ?? expect.fail('nothing was kept');
  const fetched = await fetchOutput(output, { ...at, freeBytes: () => Promise.resolve(1024) });
  expect(fetched).toMatchObject({ placed: [], missing: [expect.stringContaining('no room')] });
});

test('deletes what was replaced after an hour, and what an earlier generation sent and never named', async () => {
  const world = new World();
  await using first = await world.disk();
  await first.write('a.txt', 'a');
  await first.output.pass(ended);
  await first.write('a.txt', 'aa');
  await first.output.pass(ended);
  expect(await world.objects()).toBe(2);
  await world.clock.advance(3_600_000);
  await first.output.pass(ended);
  expect(await world.objects()).toBe(1);
  await world.memory.put(`${runKeys(RUN).outputDataFolder(1, 'abcabcabcabcabca')}lost.bin`, Buffer.from('x'));
  await using second = await world.disk({ mayPublish: () => ({ generation: 2 }) });
  await second.output.pass(ended);
  expect(await world.objects()).toBe(1);
  expect(await world.kept()).toEqual(['a.txt']);
});

test('keeps all of a folder larger than one batch', async () => {
  const world = new World();
  await using disk = await world.disk();
  for (let n = 0; n < 230; n++) await disk.write(`part-${n}.txt`, String(n));
  await disk.output.pass(ended);
  expect(await world.kept()).toHaveLength(230);
});

test.each<[string, Partial<KeptFile>]>([
  ['a path that climbs out of the folder', { path: '../../.bashrc' }],
  ['an absolute path', { path: '/etc/cron.d/evil' }],
  ['an object of another run', { key: `${runKeys('r-bbbbbbbbbb').outputFolder}1-a/secret` }],
  ['a checkpoint of this run', { key: `${runKeys(RUN).dataRoot}000001-00000001-a/model.pt` }],
  ['parts of no grid', { partSizeBytes: 2 ** 40 }],
])('an index that somebody forged brings nothing here: %s', async (_name, forged) => {
  const world = new World();
  await using first = await world.disk();
  await first.write('a.txt', 'a');
  await first.output.pass(ended);
  const stored = await readOutput({ store: world.memory, run: RUN, signal });
  const { output } = stored ?? expect.fail('nothing was kept');
  const files = output.files.map((file) => ({ ...file, ...forged }));
  await world.memory.put(runKeys(RUN).outputIndex, encodeDocument(keptOutput, { ...output, files }));
  await using second = await world.disk();
  await expect(second.output.restore({ signal })).rejects.toThrow("can't be used");
});
