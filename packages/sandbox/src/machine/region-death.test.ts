import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '@runctl/testkit';
import { describe, expect, test } from 'vitest';
import { processesWith, until } from './conformance.ts';
import { createLiteDriver } from './lite/lite-driver.ts';

const holder = fileURLToPath(new URL('fixtures/holds-a-machine.ts', import.meta.url));
const userData = `#!/bin/sh
trap '' TERM HUP INT
(setsid sleep 9200 &)
nohup sleep 9201 >/dev/null 2>&1 &
sleep 9202
`;

describe('a region that is killed', () => {
  for (const level of ['lite', 'process'] as const)
    test(`leaves no process of a ${level} instance behind`, async (context) => {
      if (process.platform !== 'linux') context.skip('looks for processes in /proc');
      if (level === 'lite') {
        const probed = await createLiteDriver({ endpointPort: 4566 }).probe();
        if (!probed.ok) context.skip(`lite cannot run here: ${probed.reason}`);
      }
      await using folder = await temporaryFolder('runctl-death');
      const token = `death-${level}-${process.pid}`;
      const region = spawn(process.execPath, [holder, level, folder.path, userData, token], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(region.stdout, 'data');
        await until('its processes run', () => processesWith(`CONFORMANCE_TOKEN=${token}`).length >= 5);
      } finally {
        region.kill('SIGKILL');
      }
      await once(region, 'exit');
      await until('nothing is left', () => processesWith(`CONFORMANCE_TOKEN=${token}`).length === 0);
      expect(processesWith(`CONFORMANCE_TOKEN=${token}`)).toEqual([]);
    });
});
