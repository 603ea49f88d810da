import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { onlyForOwnUser, ownerInTable } from './caller-user.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1604 1 0000 100 0 0 10 0
   1: 0100007F:CB64 0100007F:1F90 06 00000000:00000000 03:00001573 00000000     0        0 0 3 0000
   2: 0100007F:CB6A 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 5544 1 0000
   3: 0100007F:1F90 0100007F:CB6A 01 00000000:00000000 00:00000000 00000000     0        0 5545 1 0000
`;

test('the owner of a connection is that of the end which connected', () => {
  expect(ownerInTable(table, { localPort: 0xcb6a, remotePort: 0x1f90 })).toBe(1001);
  expect(ownerInTable(table, { localPort: 0xcb6b, remotePort: 0x1f90 })).toBeNull();
});

test('an end that its process has let go of has no owner, though the kernel shows it as root', () => {
  expect(ownerInTable(table, { localPort: 0xcb64, remotePort: 0x1f90 })).toBeNull();
});

const program = `fetch(process.argv[1]).then(async (answer) => console.log(answer.status, await answer.text()))`;

/** The answer that another process gets, which may run as somebody else. */
async function answerTo(url: string, uid: number): Promise<string> {
  const child = spawn(process.execPath, ['-e', program, url], { uid, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  return (await text(child.stdout)).trim();
}

test('another user of this computer is refused, the own one and root are answered', async (context) => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    context.skip('becoming another user needs root on Linux');
  const user = 12_345;
  await using server = createServer(onlyForOwnUser((_, response) => response.end('secret'), user));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await answerTo(url, user)).toBe('200 secret');
  expect(await answerTo(url, 0)).toBe('200 secret');
  expect(await answerTo(url, user + 1)).toBe('403');
  server.closeAllConnections();
});
