import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';

/** The two ends of a connection over loopback, as the one who connected sees them. */
export interface LoopbackConnection {
  readonly localPort: number;
  readonly remotePort: number;
}

/**
 * The user id of whoever holds the connecting end, from a table of the kernel (`/proc/net/tcp`, `tcp6`: proc_net_tcp(5)).
 * Null when it is not there, or when its process has let go of it: such an end is shown as root's.
 */
export function ownerInTable(table: string, { localPort, remotePort }: LoopbackConnection): number | null {
  const portOf = (address: string | undefined) => Number.parseInt(address?.split(':')[1] ?? '', 16);
  for (const line of table.split('\n')) {
    const [, local, remote, , , , , uid, , inode] = line.trim().split(/\s+/);
    if (portOf(local) === localPort && portOf(remote) === remotePort && inode !== '0') return Number(uid);
  }
  return null;
}

/** The user id of the process at the other end of a connection over loopback; null when nobody can be found (Linux only). */
function peerOwner(socket: Socket): number | null {
  const ends = { localPort: socket.remotePort ?? 0, remotePort: socket.localPort ?? 0 };
  // A client may reach an IPv4 address through an IPv6 socket.
  for (const table of ['tcp', 'tcp6']) {
    const owner = ownerInTable(tableOf(table), ends);
    if (owner !== null) return owner;
  }
  return null;
}

function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'utf8');
  } catch {
    // A kernel without IPv6 has no second table.
    return '';
  }
}

/**
 * Answers only processes of the user whose region this is, and root's; everybody else on the computer gets 403. Every
 * process of an instance runs as that user. Where there is no `/proc/net/tcp` nobody is refused (FAKES.md says so).
 */
export function onlyForOwnUser(listener: RequestListener, userId = process.getuid?.()): RequestListener {
  if (process.platform !== 'linux' || userId === undefined) return listener;
  const admitted = new WeakMap<Socket, boolean>();
  return (request, response) => {
    const { socket } = request;
    let isAdmitted = admitted.get(socket);
    if (isAdmitted === undefined) {
      const owner = peerOwner(socket);
      isAdmitted = owner === userId || owner === 0;
      admitted.set(socket, isAdmitted);
    }
    if (isAdmitted) return listener(request, response);
    request.resume();
    response.writeHead(403).end();
  };
}
