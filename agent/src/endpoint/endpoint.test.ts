import { appendFile, stat, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { silentLog, systemClock } from '@runctl/core';
import {
  agentFrame,
  type AgentFrame,
  type AgentStatus,
  type AttemptStatus,
  FORMAT_VERSION,
  type WaitingStatus,
} from '@runctl/protocol';
import { temporaryFolder } from '@runctl/testkit';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../testing/eventually.ts';
import { openEndpoint } from './endpoint.ts';
import { askStatus, statusText } from './status-command.ts';

const run = 'r-aaaaaaaaaa';
const at = '2026-01-01T00:00:00.000Z';
const status: AttemptStatus = {
  version: FORMAT_VERSION,
  run,
  launch: 1,
  node: 0,
  generation: 3,
  machineId: 'i-1',
  at,
  phase: 'running',
  phaseSince: at,
  doing: 'training',
  pid: 42,
  step: 1200,
  stepSource: 'file',
  stepEvidence: null,
  workload: null,
  interpreter: null,
  durable: { manifest: 'manifest', step: 1000, savedAt: at, at },
  atRiskMs: 90_000,
  fit: null,
  output: null,
  uploads: [],
  savedFor: null,
  stopping: null,
  notice: { action: 'terminate', deadlineInMs: 95_000 },
  lease: { state: 'held', generation: 3, renewedAgoMs: 4000 },
  budget: { spentUsd: 1.5, limitUsd: 20 },
  pricePerHourUsd: 0.5,
  market: 'spot',
  machineType: 'g5.xlarge',
  location: 'us-east-1a',
  interruptions: 2,
  crashes: 1,
  logBytes: 0,
  warnings: ['EC2 recommends to rebalance'],
};

const waiting: WaitingStatus = {
  version: FORMAT_VERSION,
  run,
  launch: 1,
  node: 0,
  generation: null,
  machineId: 'i-2',
  at,
  phase: 'waiting',
  phaseSince: at,
  doing: 'waiting for the lease that i-1 holds; downloading checkpoint 12,000 (1.2 GiB of 4.0 GiB)',
  notice: null,
  lease: { state: 'waiting', generation: null, renewedAgoMs: null },
  pricePerHourUsd: 0.5,
  market: 'spot',
  machineType: 'g5.xlarge',
  location: 'us-east-1b',
  warnings: [],
};

async function open(current: AgentStatus = status) {
  const folder = await temporaryFolder('runctl-endpoint');
  const path = `${folder.path}/run/agent.json`;
  const logPath = `${folder.path}/training.log`;
  const endpoint = await openEndpoint({
    path,
    logPath,
    run,
    pid: 42,
    clock: systemClock,
    log: silentLog,
    status: async () => current,
    generation: () => 3,
  });
  const { readFile } = await import('node:fs/promises');
  const { port, token } = JSON.parse(await readFile(path, 'utf8')) as { port: number; token: string };
  const close = async (): Promise<void> => {
    await endpoint.close('the test is over');
    await folder[Symbol.asyncDispose]();
  };
  return { endpoint, path, logPath, port, token, [Symbol.asyncDispose]: close };
}

const answer = (port: number, path: string, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    get({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });

test('the status is told to who has the token, and to nobody else', async () => {
  await using world = await open();
  expect((await stat(world.path)).mode & 0o777).toBe(0o600);
  expect(await askStatus(world.path)).toEqual(status);
  expect(await answer(world.port, '/status', 'guess')).toBe(401);
  expect(await answer(world.port, '/other', world.token)).toBe(404);
  const refused = new WebSocket(`ws://127.0.0.1:${world.port}/live`);
  await expect(new Promise((_resolve, reject) => refused.on('error', reject))).rejects.toThrow('401');
});

test('an agent that is not there is said to be so', async () => {
  await using world = await open();
  await expect(askStatus(`${world.path}.missing`)).rejects.toMatchObject({ code: 'agent-unreachable' });
});

test('before there is an attempt what is known is told, and nobody who is connected takes it for a heartbeat', async () => {
  await using world = await open(waiting);
  expect(await askStatus(world.path)).toEqual(waiting);
  const headers = { authorization: `Bearer ${world.token}` };
  const socket = new WebSocket(`ws://127.0.0.1:${world.port}/live`, { headers });
  const frames: AgentFrame[] = [];
  socket.on('message', (data) => frames.push(agentFrame.parse(JSON.parse((data as Buffer).toString()))));
  await new Promise((resolve) => socket.on('open', resolve));
  await world.endpoint.close('the agent ends');
  await eventually('the farewell', () => frames.some((frame) => frame.type === 'bye'));
  expect(frames).toHaveLength(1);
  expect(statusText(waiting)).toMatchInlineSnapshot(`
    "run      r-aaaaaaaaaa, launch 1, no attempt on this machine yet
    phase    waiting: waiting for the lease that i-1 holds; downloading checkpoint 12,000 (1.2 GiB of 4.0 GiB)
    notice   none
    lease    waiting
    machine  i-2, g5.xlarge (spot) in us-east-1b
    "
  `);
});

test('the websocket carries status, the log from any offset and its growth, and a farewell', async () => {
  await using world = await open();
  await writeFile(world.logPath, 'step 1\nstep 2\n');
  const headers = { authorization: `Bearer ${world.token}` };
  const socket = new WebSocket(`ws://127.0.0.1:${world.port}/live`, { headers });
  const frames: AgentFrame[] = [];
  socket.on('message', (data) => frames.push(agentFrame.parse(JSON.parse((data as Buffer).toString()))));
  await new Promise((resolve) => socket.on('open', resolve));
  socket.send('not a frame');
  socket.send(JSON.stringify({ type: 'follow-log', fromOffset: 7 }));
  const log = () =>
    frames.flatMap((frame) => (frame.type === 'log' ? [Buffer.from(frame.base64, 'base64').toString()] : [])).join('');
  await eventually('the log', () => log() === 'step 2\n');
  await appendFile(world.logPath, 'step 3\n');
  await eventually('its growth', () => log() === 'step 2\nstep 3\n');
  expect(frames.find((frame) => frame.type === 'log')).toMatchObject({ generation: 3, offset: 7 });
  world.endpoint.broadcast({ ...status, step: 1300 });
  await eventually('a heartbeat', () => frames.some((frame) => frame.type === 'status' && frame.status.step === 1300));
  await world.endpoint.close('the agent ends');
  await eventually('the farewell', () => frames.some((frame) => frame.type === 'bye'));
});

test('the status reads well', () => {
  expect(statusText(status)).toMatchInlineSnapshot(`
    "run      r-aaaaaaaaaa, launch 1, attempt 3
    phase    running: training
    step     1200 (from the file)
    durable  step 1000, saved 2026-01-01T00:00:00.000Z
    at risk  1m 30s
    a notice unknown
    notice   terminate in 1m 35s
    lease    held, renewed 4.0 s ago
    spent    $1.50 of $20.00
    machine  i-1, g5.xlarge (spot) in us-east-1a
    lives    interruptions before: 2, crashes: 1
    warning  EC2 recommends to rebalance
    "
  `);
});
