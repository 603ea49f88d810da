import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { BareMachine } from '../support/bare-machine.ts';
import { repository } from '../support/runctl.ts';
import { World } from '../support/world.ts';

/** Counts in a file for as long as it lives, and ends by itself long after the test. */
const counts = `
  const { writeFileSync } = require('node:fs');
  let count = 0;
  setInterval(() => writeFileSync(process.env.RUNCTL_INSTANCE_ROOT + '/var/lib/count', String(++count)), 20);
  setTimeout(() => process.exit(), 300_000);
`;

async function counted(machine: BareMachine): Promise<number> {
  return Number(await readFile(join(machine.root, 'var/lib/count'), 'utf8').catch(() => '0'));
}

describe.concurrent('a machine that is no instance of EC2', () => {
  test('runs programs that reach the bucket with their own keys, and knows nothing of EC2', async () => {
    await using world = await World.start();
    await world.bucket.write('greeting', 'hello');
    await using machine = await BareMachine.start(world);
    await machine.write('/etc/greeting', 'hello');
    expect(await readFile(join(machine.root, 'etc/greeting'), 'utf8')).toBe('hello');

    const agent = await machine.exec([process.execPath, `${repository}/agent/dist/agent.mjs`, '--version']);
    expect(agent.exitCode, agent.stderr.toString()).toBe(0);
    const entry = `${repository}/controller/bin/runctl.mjs`;
    const listed = await machine.exec([
      process.execPath,
      entry,
      's3',
      'list',
      `s3://${world.region.bucket}/`,
      '--json',
    ]);
    expect(listed.exitCode, listed.stderr.toString()).toBe(0);
    expect(listed.stdout.toString()).toContain('greeting');
    expect(new Set(machine.services)).toEqual(new Set(['s3']));
    expect(machine.metadataRequests).toEqual([]);
    const role = `curl -sf "$AWS_EC2_METADATA_SERVICE_ENDPOINT"latest/meta-data/instance-id`;
    expect((await machine.exec(['/bin/sh', '-c', role])).exitCode).not.toBe(0);
    expect(machine.metadataRequests).toEqual(['/latest/meta-data/instance-id']);
  });

  test.each(['kill', 'power button'] as const)('what runs on it dies with it, by %s', async (how) => {
    await using world = await World.start();
    await using machine = await BareMachine.start(world);
    await using other = await BareMachine.start(world, { name: 'another' });
    for (const each of [machine, other]) await each.start([process.execPath, '-e', counts], '/var/log/counts.log');
    await eventually('the program runs', async () => (await counted(machine)) > 3);
    if (how === 'kill') await machine.machine.kill();
    else machine.machine.pressPowerButton();
    expect(await machine.machine.ended).toBe(how === 'kill' ? 'killed' : 'power-off');
    const last = await counted(machine);
    const others = await counted(other);
    await eventually('the other machine counts on', async () => (await counted(other)) > others + 5);
    expect(await counted(machine)).toBe(last);
  });
});
