import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { describeHost, type HostUnderTest } from '../conformance.ts';
import type { Host } from '../host.ts';
import { plainOpener } from './open-plain-host.ts';
import { createPlainHost } from './plain-host.ts';

const facts = { hostname: 'box', machineId: '0123', instanceRoot: '', cores: 16, architecture: 'x64' };

async function machine(): Promise<HostUnderTest> {
  const commands: string[] = [];
  const open = (): Host =>
    createPlainHost(facts, async (command, words) => {
      if (command === 'systemctl') return { code: 0, output: 'running\n' };
      commands.push([command, ...words].join(' '));
      return { code: 0, output: '' };
    });
  return {
    host: open(),
    again: open,
    clock: new FakeClock(),
    machines: { fleetId: 'fleet-1' },
    announcements: null,
    faults: null,
    wouldFollow: () => false,
    powerEnd: 'left-on',
    commands,
    [Symbol.asyncDispose]: async () => {},
  };
}

describeHost('a plain machine', { open: machine, announces: false, asks: false });

test('two machines of one name, and two rehearsals on one machine, are told apart', async () => {
  const variants = [facts, { ...facts, machineId: '4567' }, { ...facts, instanceRoot: '/tmp/other' }];
  const ids = await Promise.all(variants.map(async (each) => (await createPlainHost(each).identity()).machineId));
  expect(new Set(ids).size).toBe(3);
  expect(ids[0]).toMatch(/^box-[0-9a-f]{8}$/);
});

test('the machine id is not given away', async () => {
  expect(JSON.stringify(await createPlainHost(facts).identity())).not.toContain(facts.machineId);
});

test('a plain machine without credentials says what to set, and asks nobody', async () => {
  const { credentials } = plainOpener.open({ environment: {}, region: 'r', instanceRoot: '', clock: new FakeClock() });
  await expect(credentials()).rejects.toMatchObject({
    kind: 'credentials',
    message: expect.stringContaining('AWS_ACCESS_KEY_ID'),
  });
});
