import { DescribeFleetsCommand } from '@aws-sdk/client-ec2';
import { decodeDocument, launchIntent, parseIndexKey, runKeys } from '@runctl/protocol';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchDetached } from '../support/launching.ts';
import { World } from '../support/world.ts';

const shiftDate = fileURLToPath(new URL('../support/shift-date.cjs', import.meta.url));
const HOUR_MS = 3_600_000;

let world: World;
beforeAll(async () => {
  world = await World.start();
});
afterAll(async () => world[Symbol.asyncDispose]());

test.each(['400', '-400', '0.003'])('a laptop whose date is %s days off launches as any other', async (days) => {
  const env = { NODE_OPTIONS: `--require ${shiftDate}`, DATE_SHIFT_DAYS: days };
  const run = await launchDetached(world, 'counter', { flags: ['--max-runtime', '2h'], env });
  const near = (ms: number): boolean => Math.abs(ms - Date.now()) < 60_000;

  const keys = await world.bucket.keys('index/');
  const index = keys.map((key) => parseIndexKey(key)).find((parsed) => parsed?.run === run);
  expect(near(index?.createdMs ?? 0)).toBe(true);
  const key = runKeys(run).launch(1).intent;
  const intent = decodeDocument(launchIntent, (await world.bucket.bytes(key)) ?? new Uint8Array(), key);
  expect(near(Date.parse(intent.at))).toBe(true);
  expect(near(Date.parse(intent.validUntil) - 2 * HOUR_MS)).toBe(true);
  const { Fleets = [] } = await world.ec2.send(new DescribeFleetsCommand({}));
  const fleet = Fleets.find(({ Tags = [] }) => Tags.some(({ Value }) => Value === run));
  expect(near((fleet?.ValidUntil?.getTime() ?? 0) - 2 * HOUR_MS)).toBe(true);

  const status = await world.runctl(['status'], { env });
  expect(status.stdout).toContain(run);
  expect(status.stdout).not.toMatch(/\b\d{3}d| -\d/);
  expect(status.stderr.match(/this computer's clock is .*(ahead of|behind) the cloud's/g)).toHaveLength(1);
  const stopped = await world.runctl(['stop', run], { env });
  expect(stopped, stopped.stderr).toMatchObject({ exitCode: 0 });
});
