import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { processStartOf } from '../client/process-start.ts';
import { lockState } from './state-lock.ts';

const fixture = fileURLToPath(new URL('fixtures/takes-the-lock.ts', import.meta.url));

describe('the lock of a state folder', () => {
  test('is taken by exactly one of many processes that find a dead holder', async () => {
    await using folder = await temporaryFolder('runctl-lock');
    writeFileSync(join(folder.path, 'region.lock'), JSON.stringify({ pid: process.pid, start: 'another life' }));
    const children = Array.from({ length: 6 }, () => spawn(process.execPath, [fixture, folder.path]));
    const said = await Promise.all(
      children.map(async (child) => ((await once(child.stdout, 'data')) as [Buffer])[0].toString().trim()),
    );
    expect(said.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'sandbox-running'), 'taken']);
    await Promise.all(
      children.map(async (child) => {
        const exit = child.exitCode === null ? once(child, 'exit') : null;
        child.stdin.end();
        await exit;
      }),
    );
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('can be taken again once it is released', async () => {
    await using folder = await temporaryFolder('runctl-lock');
    lockState(folder.path).release();
    lockState(folder.path).release();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test('is lost with its folder, and then not taken from who has it next', async () => {
    await using folder = await temporaryFolder('runctl-lock');
    const first = lockState(folder.path);
    expect(first.isHeld()).toBe(true);
    rmSync(join(folder.path, 'region.lock'));
    expect(first.isHeld()).toBe(false);
    const second = lockState(folder.path);
    first.release();
    expect([first.isHeld(), second.isHeld()]).toEqual([false, true]);
  });

  test('tells a process from none', () => {
    expect(processStartOf(process.pid)).toBe(processStartOf(process.pid));
    expect(processStartOf(process.pid)).not.toBe(null);
    expect(processStartOf(2 ** 22 + 1)).toBe(null);
  });
});
