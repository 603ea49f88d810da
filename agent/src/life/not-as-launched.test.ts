import { collect } from '@runctl/store';
import { expect, test } from 'vitest';
import { RunWorld } from '../testing/run-world.ts';

type Rewrite = (text: string) => string | null;

/** What a script with the machine's role can do to what the laptop wrote; null takes it away. */
const rewrites: ReadonlyArray<readonly [what: string, document: 'spec' | 'intent', rewrite: Rewrite]> = [
  ['a spec with another script', 'spec', (text) => text.replace('counter.py', 'crashes.sh')],
  ['a spec with one space more', 'spec', (text) => `${text} `],
  ['no spec', 'spec', () => null],
  ['an intent that ends later', 'intent', (text) => text.replace(/"validUntil":"\d{4}/, '"validUntil":"9999')],
  ['no intent', 'intent', () => null],
];

test.concurrent.each(rewrites)(
  'a machine that finds %s trains nothing and ends the launch',
  async (_, which, rewrite) => {
    await using world = await RunWorld.launch({ script: 'counter.py', args: ['3', '0.02'] });
    const key = which === 'spec' ? world.keys.spec : world.keys.launch(1).intent;
    const text = rewrite((await collect((await world.memory.get(key)).body)).toString());
    if (text === null) await world.memory.delete([key]);
    else await world.memory.put(key, Buffer.from(text));

    const machine = await world.machine('i-1');
    await machine.start();
    const outcome = await world.outcome();
    expect(outcome).toMatchObject({ status: 'failed', cause: 'boot-failed', generation: null });
    expect(outcome?.message).toContain(key);
    expect(outcome?.message).toContain(world.written(1)[`${which}Sha256`]);
    expect(await world.started(1)).toBeNull();
    expect(world.fleet.deletions).toBe(1);
  },
);

test.concurrent('a project whose archive somebody changed is not unpacked', async () => {
  await using world = await RunWorld.launch({ script: 'counter.py', args: ['3', '0.02'] });
  await world.memory.put('code/tree/project.tar.gz', Buffer.from('another archive'));
  const machine = await world.machine('i-1');
  await machine.start();
  const outcome = await world.outcome();
  expect(outcome?.status).toBe('failed');
  expect(outcome?.message).toContain("the project's archive has sha256");
});
