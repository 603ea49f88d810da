import { systemClock } from '@runctl/core';
import { execa } from 'execa';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import type { Tunnel } from '@runctl/operations/live';

const OPEN_TIMEOUT_MS = 10_000;

/** Port forwards with the user's own `ssh`, its keys and its configuration. */
export function sshTunnel(user: string): Tunnel {
  return async ({ addresses }, remotePort) => {
    const host = addresses.public ?? addresses.private;
    if (host === null) return null;
    const port = await freePort();
    const forward = `127.0.0.1:${port}:127.0.0.1:${remotePort}`;
    const closing = new AbortController();
    // Its end is no error: a caller sees that nothing answers. execa ends it with this process, too.
    const ssh = execa(
      'ssh',
      ['-N', '-o', 'BatchMode=yes', '-o', 'ExitOnForwardFailure=yes', '-L', forward, `${user}@${host}`],
      { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit', reject: false, cancelSignal: closing.signal },
    );
    let ended = false;
    void ssh.then(() => (ended = true));
    const close = (): void => closing.abort();
    const deadlineMs = systemClock.monotonicMs() + OPEN_TIMEOUT_MS;
    const hasEnded = (): boolean => ended;
    while (!hasEnded() && systemClock.monotonicMs() < deadlineMs) {
      if (await answers(port)) return { host: '127.0.0.1', port, close };
      await systemClock.sleep(100);
    }
    close();
    return null;
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
