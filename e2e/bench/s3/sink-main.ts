import { readFileSync, statSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { answerS3 } from './sink-answers.ts';
import { type SinkBehaviour, SinkState } from './sink-state.ts';

/** The sink's own process: `sink-main.ts <certificate> <key>`. Prints its ports; ends with its standard input. */
const [certificatePath = '', keyPath = ''] = process.argv.slice(2);
const state = new SinkState();

const answer: RequestListener = (incoming, response) => {
  answerS3(state, incoming, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
};
// The suite that S3 itself chooses, so that all clients decrypt and encrypt the same.
const tls = { cert: readFileSync(certificatePath), key: readFileSync(keyPath), ciphers: 'TLS_AES_128_GCM_SHA256' };

async function listen(server: Server, port: number): Promise<number | null> {
  server.on('connection', () => state.connections++);
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', 1024, () => resolve((server.address() as AddressInfo).port));
  });
}

function secure(): Server {
  return createTlsServer({ ...tls, keepAliveTimeout: 60_000 }, answer);
}

const control = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://sink');
  let text = '';
  request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  request.on('end', () => {
    const result = command(url.pathname, JSON.parse(text));
    response.end(JSON.stringify(result ?? null));
  });
});

function command(name: string, argument: unknown): unknown {
  if (name === '/behave') state.behaviour = argument as SinkBehaviour;
  else if (name === '/reset') state.reset(argument as { keepObjects: boolean });
  else if (name === '/object') return { ...state.objects.get((argument as { key: string }).key), source: undefined };
  else if (name === '/serve') {
    const { key, path } = argument as { key: string; path: string };
    const object = { sizeBytes: statSync(path).size, etag: `${state.id()}-2`, parts: [], source: { path } };
    state.objects.set(key, { ...object, completedAtMs: Date.now() });
  }
  return state.stats();
}

const httpsPort = await listen(secure(), 0);
// The AWS CRT of Debian's CLI knows no other port than the protocol's own.
const standardPort = await listen(secure(), 443);
const httpPort = await listen(createServer(answer), 0);
const controlPort = await listen(control, 0);
console.log(JSON.stringify({ httpsPort, standardPort, httpPort, controlPort }));
process.stdin.on('end', () => process.exit(0)).resume();
