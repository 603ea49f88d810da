import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A server that does not serve, as a laptop meets them behind broken networks and stopped processes. */
export interface FrozenEndpoint extends AsyncDisposable {
  readonly url: string;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5000\r\n\r\n';

/** What happens to a connection whose request has begun to arrive. */
const BEHAVIOURS = {
  'never answers': () => {},
  'answers half a head': (socket: Socket) => socket.write('HTTP/1.1 20'),
  'answers half a body': (socket: Socket) => socket.write(`${HEAD}<Describe`),
  'answers a byte now and then': (socket: Socket) => {
    socket.write(HEAD);
    const timer = setInterval(() => socket.write('<'), 20);
    socket.on('close', () => clearInterval(timer));
  },
  'resets the connection': (socket: Socket) => socket.resetAndDestroy(),
  'closes without an answer': (socket: Socket) => socket.end(),
  'closes in the middle of a body': (socket: Socket) => socket.end(`${HEAD}<Describe`),
  'resets in the middle of a body': (socket: Socket) => {
    socket.write(`${HEAD}<Describe`, () => setTimeout(() => socket.resetAndDestroy(), 20));
  },
  'is no web server': (socket: Socket) => socket.end('220 mail.example ESMTP\r\n'),
} satisfies Readonly<Record<string, (socket: Socket) => unknown>>;

export type Freeze = keyof typeof BEHAVIOURS | 'accepts no connection' | 'refuses connections';

export const freezes = [
  ...(Object.keys(BEHAVIOURS) as (keyof typeof BEHAVIOURS)[]),
  'accepts no connection',
  'refuses connections',
] as const satisfies readonly Freeze[];

/** A real TCP endpoint on loopback that behaves so. */
export async function frozenEndpoint(freeze: Freeze): Promise<FrozenEndpoint> {
  if (freeze === 'accepts no connection') return deafEndpoint();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    if (freeze !== 'refuses connections') socket.once('data', () => BEHAVIOURS[freeze](socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  if (freeze === 'refuses connections') server.close();
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const DEAF = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** A process that stands still with its queue full: the kernel drops what else wants to connect. */
async function deafEndpoint(): Promise<FrozenEndpoint> {
  const child = spawn(process.execPath, ['-e', DEAF], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(text.toString());
  const fillers = Array.from({ length: 6 }, () => connect(port, '127.0.0.1'));
  for (const filler of fillers) filler.on('error', () => {});
  await Promise.race([...fillers].map((filler) => once(filler, 'connect')));
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy();
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}
