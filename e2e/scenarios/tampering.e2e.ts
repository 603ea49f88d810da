import { createPublisher, recognisers, restoreLatest, type RestoredCheckpoint } from '@runctl/checkpoint';
import { silentLog, systemClock } from '@runctl/core';
import { runKeys } from '@runctl/protocol';
import { DirectoryStore, readBytes, type ObjectStore } from '@runctl/store';
import { FakeClock, temporaryFolder } from '@runctl/testkit';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { S3World } from '../support/s3-service.ts';

const RUN = 'r-tamperedxy';
const MIB = 1024 * 1024;
const STEPS = [100, 200];
const never = new AbortController().signal;

/** What each step saved: a small file, an empty one, and in the newest one of two parts. */
function filesOf(step: number): Record<string, Buffer> {
  const large = Buffer.alloc(step === 200 ? 8 * MIB + 1000 : 1000, `weights of step ${step} `);
  const state = Buffer.from(JSON.stringify({ global_step: step }));
  return { 'model.bin': large, 'state/trainer.json': state, 'state/empty': Buffer.alloc(0) };
}

async function save(folder: string, step: number, clock: FakeClock): Promise<void> {
  for (const [path, bytes] of Object.entries(filesOf(step))) {
    const file = join(folder, `checkpoint-${step}`, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    await utimes(file, clock.wallMs() / 1000, clock.wallMs() / 1000);
  }
}

/** Two checkpoints, published as an agent does it. */
async function publishBoth(store: ObjectStore): Promise<void> {
  await using folder = await temporaryFolder('tampering');
  const clock = new FakeClock(Date.now());
  const publisher = createPublisher({
    store,
    run: RUN,
    folder: folder.path,
    node: 0,
    clock,
    log: silentLog,
    recognisers,
    openWriters: { among: () => Promise.resolve(new Set<string>()) },
    settleMs: 2000,
    mayPublish: () => ({ generation: 1 }),
  });
  for (const step of STEPS) {
    await save(folder.path, step, clock);
    await publisher.pass({ signal: never });
    await clock.advance(2000);
    const { published, error } = await publisher.pass({ signal: never });
    expect(error).toBeNull();
    expect(published?.step).toBe(step);
  }
}

interface Damage {
  readonly what: string;
  /** The object as it is, and another one of the checkpoint; null = leave it as it is. */
  readonly to: (bytes: Buffer, other: Buffer) => Buffer | null;
}

function flipped(bytes: Buffer, at: number): Buffer | null {
  if (bytes.length === 0) return null;
  const damaged = Buffer.from(bytes);
  const place = Math.floor((bytes.length - 1) * at);
  damaged.writeUInt8(damaged.readUInt8(place) ^ 1, place);
  return damaged;
}

const DAMAGES: readonly Damage[] = [
  ...[0, 0.97, 1].map((at) => ({
    what: `a bit flipped at ${at * 100} %`,
    to: (bytes: Buffer) => flipped(bytes, at),
  })),
  { what: 'its last byte cut off', to: (bytes) => (bytes.length === 0 ? null : bytes.subarray(0, -1)) },
  { what: 'nothing left of it', to: (bytes) => (bytes.length === 0 ? null : Buffer.alloc(0)) },
  { what: 'a byte more', to: (bytes) => Buffer.concat([bytes, Buffer.from('x')]) },
  { what: 'the content of another object', to: (_bytes, other) => other },
];

/** Every file below the folder, by path, as digests: nothing may be there that no save wrote. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      found[path.slice(folder.length + 1)] = digestOf(await readFile(path));
    }
  return found;
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function expectedContent(step: number): Record<string, string> {
  const files = Object.entries(filesOf(step));
  return Object.fromEntries(files.map(([path, bytes]) => [`checkpoint-${step}/${path}`, digestOf(bytes)]));
}

async function restored(store: ObjectStore): Promise<{ found: RestoredCheckpoint | null; content: object }> {
  await using folder = await temporaryFolder('tampered');
  const target = join(folder.path, 'checkpoints');
  const found = await restoreLatest({
    store,
    run: RUN,
    folder: target,
    clock: systemClock,
    log: silentLog,
    signal: never,
  });
  return { found, content: await contentOf(target) };
}

function isOlder(key: string): boolean {
  return key !== runKeys(RUN).latest && stepAfterDamageTo(key) === 200;
}

/** What the script gets after damage to `key`: the newest checkpoint unless the object belongs to it. */
function stepAfterDamageTo(key: string): number {
  const keys = runKeys(RUN);
  const newest = { generation: 1, seq: 2 };
  const ofNewest = key === keys.manifest(newest) || key.startsWith(`${keys.dataRoot}000001-00000002-`);
  return ofNewest ? 100 : 200;
}

async function findsEveryDamage(store: ObjectStore): Promise<void> {
  await publishBoth(store);
  const keys: string[] = [];
  for await (const { key } of store.list({ prefix: runKeys(RUN).root })) keys.push(key);
  // Two manifests, the pointer, three files of each step.
  expect(keys).toHaveLength(9);
  const originals = new Map<string, Buffer>();
  for (const key of keys) originals.set(key, Buffer.from(await readBytes(store, key)));
  for (const [index, key] of keys.entries()) {
    const bytes = originals.get(key) ?? Buffer.alloc(0);
    const other = originals.get(keys[(index + 3) % keys.length] ?? '') ?? Buffer.alloc(0);
    // Objects of the older checkpoint are not even read.
    for (const { what, to } of isOlder(key) ? DAMAGES.slice(0, 1) : DAMAGES) {
      const damaged = to(bytes, other);
      if (damaged === null || damaged.equals(bytes)) continue;
      await store.put(key, damaged);
      const { found, content } = await restored(store);
      const step = stepAfterDamageTo(key);
      const where = `${key} with ${what}`;
      expect(found?.manifest.step, where).toBe(step);
      expect(content, where).toEqual(expectedContent(step));
      const told = step === 100 || key === runKeys(RUN).latest;
      expect(found?.warnings.length, where).toBe(told ? 1 : 0);
    }
    await store.put(key, bytes);
  }
  expect((await restored(store)).found).toMatchObject({ manifest: { step: 200 }, warnings: [] });
}

describe('damage to any object of a checkpoint is found before the script sees it, and the one before is used', () => {
  test('in S3', async () => {
    await using world = await S3World.start();
    await findsEveryDamage(world.store());
  });

  test('in a directory', async () => {
    await using folder = await temporaryFolder('tampered-store');
    await findsEveryDamage(new DirectoryStore({ root: folder.path, clock: systemClock, sync: false }));
  });
});
