import { spawn } from 'node:child_process';
import { Server } from 'node:net';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Runs in a short-lived child inside the name space: binds every address and passes the listening handles up. */
const binderSource = `
const net = require('node:net');
(async () => {
  for (const address of JSON.parse(process.argv[1])) {
    const server = net.createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen({ ...address, exclusive: true }, resolve));
    await new Promise((resolve) => process.send('listening', server, resolve));
    server.close();
  }
  process.disconnect();
})().catch((error) => process.send({ error: error.message }, () => process.exit(1)));
`;

/**
 * Listening sockets inside the network name space of process `pid`, in the order of `addresses`. Their connections are
 * accepted here, outside, though no route leads from there to here.
 */
export function listenInside(pid: number, addresses: readonly ListenAddress[]): Promise<Server[]> {
  return new Promise((resolve, reject) => {
    const servers: Server[] = [];
    const args = [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', binderSource, JSON.stringify(addresses)];
    const child = spawn('nsenter', args, {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { PATH: process.env['PATH'] },
    });
    const fail = (reason: string) => {
      for (const server of servers) server.close();
      reject(new Error(`cannot listen inside the instance: ${reason}`));
    };
    child.once('error', (error) => fail(error.message));
    child.on('message', (message, handle) => {
      if (handle instanceof Server) servers.push(handle);
      else fail(JSON.stringify(message));
    });
    child.once('close', (code, signal) => {
      if (servers.length === addresses.length) resolve(servers);
      else fail(`the binder ended with ${code ?? signal}`);
    });
  });
}
