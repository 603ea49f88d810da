import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { busCommandNames, powerCommandNames } from '../power-commands.ts';
import { createProcessDriver } from './process-driver.ts';
import { hostCommandNames } from './scripts.ts';

test('a process instance finds stand-ins first for everything that would change or turn off the host', async () => {
  await using folder = await temporaryFolder('runctl-isolation');
  const driver = createProcessDriver();
  try {
    const machine = await driver.start({
      instanceId: 'i-1',
      hostName: 'ip-10-77-0-11',
      folder: folder.path,
      userData: null,
      imds: (_, response) => response.end(),
      endpoints: (_, response) => response.end(),
      region: 'eu-test-1',
    });
    const run = async (script: string) => machine.exec(['sh', '-c', script], { timeoutMs: 10_000 });
    const names = [...powerCommandNames, ...busCommandNames, ...hostCommandNames, 'sudo'];
    const found = await run(names.map((name) => `command -v ${name}`).join('\n'));
    const commands = join(folder.path, 'commands');
    expect(found.stdout.toString().trim().split('\n')).toEqual(names.map((name) => join(commands, name)));
    for (const name of [...busCommandNames, ...hostCommandNames]) {
      const refused = await run(`"${join(commands, name)}" --help`);
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stderr.toString()).toContain(`${name}: not available in a sandbox instance of level process`);
    }
    const sudo = await run('sudo -n -u ubuntu -E GREETING=hello sh -c \'echo "$GREETING"\'');
    expect(sudo.stdout.toString()).toBe('hello\n');
  } finally {
    await driver.close();
  }
});
