import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { chooseDriver } from '../../region/choose-driver.ts';
import { createProcessDriver } from '../process/process-driver.ts';
import { hasImage, imageFolder } from './image.ts';
import { leaderBelow } from './leader.ts';
import { createNspawnDriver } from './nspawn-driver.ts';

test('a level that cannot run here says in one line what it lacks', async () => {
  await using folder = await temporaryFolder();
  const probed = await createNspawnDriver({ image: folder.path, endpointPort: 4566 }).probe();
  expect(probed).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/^(needs Linux|needs root|needs systemd-nspawn|has no image in ).*$/) as string,
  });
});

test('an image counts once its systemd is there, and lies below the cache by what it is made of', async () => {
  await using folder = await temporaryFolder();
  expect(hasImage(folder.path)).toBe(false);
  mkdirSync(join(folder.path, 'lib/systemd'), { recursive: true });
  writeFileSync(join(folder.path, 'lib/systemd/systemd'), '');
  expect(hasImage(folder.path)).toBe(true);
  expect(imageFolder('/cache')).toMatch(/^\/cache\/runctl\/images\/nspawn-[0-9a-f]{12}$/);
});

test('it is never taken unasked: its instances have none of the software of this computer', async () => {
  const nspawn = {
    ...createNspawnDriver({ image: '/', endpointPort: 4566 }),
    probe: async () => ({ ok: true }) as const,
  };
  const drivers = [nspawn, createProcessDriver()];
  expect((await chooseDriver(drivers, 'auto')).driver.level).toBe('process');
  expect((await chooseDriver(drivers, 'nspawn')).driver.level).toBe('nspawn');
});

test('no process of another pid name space is below this one', (context) => {
  if (process.platform !== 'linux') {
    context.skip('pid name spaces are of Linux');
    return;
  }
  expect(leaderBelow(process.pid)).toBeNull();
});
