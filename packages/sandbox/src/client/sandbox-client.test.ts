import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freezes, frozenEndpoint, temporaryFolder } from '@runctl/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectSandbox, readRegion, sandboxEnvironment, startSandbox, stopSandbox } from './sandbox-client.ts';

const tinyRegion = fileURLToPath(new URL('fixtures/tiny-region.mjs', import.meta.url));

describe('the client of a sandbox', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder('runctl-client');
  });
  afterEach(async () => {
    await stopSandbox(folder.path);
    await folder[Symbol.asyncDispose]();
  });
  const start = (behaviour = 'works') =>
    startSandbox({
      stateFolder: folder.path,
      command: [process.execPath, tinyRegion, folder.path, behaviour],
      environment: process.env,
      timeoutMs: 10_000,
    });

  test('starts a region, and finds the same one again', async () => {
    const { file } = await start();
    expect((await start()).file).toEqual(file);
    expect((await connectSandbox(folder.path)).file).toEqual(file);
  });

  test('says where its state could be kept instead when it can keep none', async () => {
    const stateFolder = join(folder.path, 'file', 'state');
    writeFileSync(join(folder.path, 'file'), '');
    await expect(startSandbox({ stateFolder, command: ['/bin/false'], environment: {} })).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('--state') as unknown,
    });
  });

  test('ends a region, once', async () => {
    await start();
    expect(await stopSandbox(folder.path)).toBe(true);
    expect(readRegion(folder.path)).toBe(null);
    expect(await stopSandbox(folder.path)).toBe(false);
  });

  test('ends a region that does not answer by its process, and no other process that has its number', async () => {
    const path = join(folder.path, 'region.json');
    const child = spawn(process.execPath, [tinyRegion, folder.path, 'mute'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    while (readRegion(folder.path) === null) await new Promise((resolve) => setTimeout(resolve, 10));
    const file = readRegion(folder.path)!;
    writeFileSync(path, JSON.stringify({ ...file, processStart: 'another life' }));
    const limits = { answerMs: 200, timeoutMs: 300 };
    expect(await stopSandbox(folder.path, limits)).toBe(false);
    expect(child.exitCode).toBe(null);
    writeFileSync(path, JSON.stringify(file));
    expect(await stopSandbox(folder.path, limits)).toBe(true);
    expect(await exit).toEqual([null, 'SIGKILL']);
  });

  test('shows the log of a region that does not come up', async () => {
    await expect(start('dies')).rejects.toMatchObject({
      code: 'cloud-unreachable',
      message: 'the sandbox did not start: it ended with 3',
      hint: 'its log ends with: tiny region: no room on disk',
    });
  });

  test('says that none runs when there is no file, a dead region’s file, or somebody else on its port', async () => {
    await expect(connectSandbox(folder.path)).rejects.toMatchObject({ code: 'sandbox-not-running' });
    const { file } = await start();
    const path = join(folder.path, 'region.json');
    writeFileSync(path, JSON.stringify({ ...file, adminToken: 'of another region' }));
    await expect(connectSandbox(folder.path)).rejects.toMatchObject({ code: 'sandbox-not-running' });
    writeFileSync(path, JSON.stringify({ ...file, endpoint: 'http://127.0.0.1:1' }));
    await expect(connectSandbox(folder.path)).rejects.toMatchObject({ code: 'sandbox-not-running' });
    writeFileSync(path, JSON.stringify(file));
  });

  test.each(freezes)('does not wait for a region that %s', async (freeze) => {
    const { file } = await start();
    await using endpoint = await frozenEndpoint(freeze);
    const path = join(folder.path, 'region.json');
    writeFileSync(path, JSON.stringify({ ...file, endpoint: endpoint.url }));
    const isSilent = /never|half|now and then|accepts no/.test(freeze);
    const code = isSilent ? 'cloud-unreachable' : 'sandbox-not-running';
    await expect(connectSandbox(folder.path, { answerMs: 200 })).rejects.toMatchObject({ code });
    writeFileSync(path, JSON.stringify(file));
  });

  test('passes on what the region refuses', async () => {
    const sandbox = await start();
    await expect(sandbox.send('interrupt', { target: { instanceId: 'i-1' } })).rejects.toMatchObject({
      code: 'instance-not-found',
      hint: 'look',
    });
  });

  test('exports what clients need, and keeps them from the metadata service of this computer', async () => {
    const { file } = await start();
    expect(sandboxEnvironment(file, folder.path)).toEqual({
      AWS_ENDPOINT_URL: file.endpoint,
      AWS_ACCESS_KEY_ID: 'AKIATEST',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      RUNCTL_BUCKET: 'runctl-test',
      RUNCTL_INSTANCE_PROFILE: 'runctl-instance',
      RUNCTL_TIME_SCALE: '0.5',
      RUNCTL_SANDBOX_STATE: folder.path,
    });
  });
});
