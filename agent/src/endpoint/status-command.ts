import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { formatDuration, formatUsd, messageOf, RunctlError } from '@runctl/core';
import {
  agentEndpoint,
  type AgentEndpoint,
  type AgentStatus,
  agentStatus,
  type AttemptStatus,
  type WaitingStatus,
} from '@runctl/protocol';

const ANSWER_MS = 5000;

/** Asks the agent of this machine. Errors: `agent-unreachable`. */
export async function askStatus(endpointPath: string): Promise<AgentStatus> {
  let endpoint: AgentEndpoint;
  try {
    endpoint = agentEndpoint.parse(JSON.parse(await readFile(endpointPath, 'utf8')));
  } catch (error) {
    throw new RunctlError('agent-unreachable', `no agent has written ${endpointPath}: ${messageOf(error)}`, {
      hint: 'the file is for root only, and is there once a running agent has read its run from the bucket',
    });
  }
  const { status, body } = await fetchStatus(endpoint);
  if (status !== 200)
    throw new RunctlError('agent-unreachable', `the agent answered ${status}: ${body.trim() || 'nothing more'}`);
  return agentStatus.parse(JSON.parse(body));
}

function fetchStatus({ port, token }: AgentEndpoint): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/status', timeout: ANSWER_MS };
    const request = get({ ...options, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)));
    request.on('error', (error) =>
      reject(new RunctlError('agent-unreachable', `the agent does not answer: ${error.message}`, { cause: error })),
    );
  });
}

type Line = readonly [name: string, value: string];

/** For people. */
export function statusText(status: AgentStatus): string {
  const lines = status.generation === null ? waitingLines(status) : attemptLines(status);
  return lines.map(([name, value]) => `${name.padEnd(9)}${value}\n`).join('');
}

function durableText(durable: AttemptStatus['durable']): string {
  if (durable === null) return 'nothing yet';
  return `${durable.step === null ? 'a checkpoint without a step' : `step ${durable.step}`}, saved ${durable.savedAt}`;
}

function attemptLines(status: AttemptStatus): readonly Line[] {
  const { durable, budget } = status;
  const saved =
    durable === null || durable.step === null ? 'unknown' : `${durable.step} or later (from the checkpoint)`;
  const step = status.step === null ? saved : `${status.step} (from the ${status.stepSource})`;
  return [
    ['run', `${status.run}, launch ${status.launch}, attempt ${status.generation}`],
    phaseLine(status),
    ['step', step],
    ['durable', durableText(durable)],
    ['at risk', status.atRiskMs === null ? 'nothing' : formatDuration(status.atRiskMs)],
    ...status.uploads.map((upload): Line => [
      'upload',
      `${upload.path}: ${upload.sentBytes} of ${upload.sizeBytes} bytes`,
    ]),
    ['a notice', status.fit?.summary ?? 'unknown'],
    ...(status.fit?.advice ?? []).map((text): Line => ['advice', text]),
    ...intervalLine(status),
    noticeLine(status),
    leaseLine(status),
    ['spent', `${usd(budget.spentUsd)} of ${budget.limitUsd === null ? 'no limit' : formatUsd(budget.limitUsd)}`],
    machineLine(status),
    ['lives', `interruptions before: ${status.interruptions}, crashes: ${status.crashes}`],
    ...warningLines(status),
  ];
}

function waitingLines(status: WaitingStatus): readonly Line[] {
  return [
    ['run', `${status.run}, launch ${status.launch}, no attempt on this machine yet`],
    phaseLine(status),
    noticeLine(status),
    leaseLine(status),
    machineLine(status),
    ...warningLines(status),
  ];
}

const phaseLine = ({ phase, doing }: AgentStatus): Line => ['phase', `${phase}: ${doing}`];

const noticeLine = ({ notice }: AgentStatus): Line => [
  'notice',
  notice === null ? 'none' : `${notice.action} in ${formatDuration(notice.deadlineInMs)}`,
];

const leaseLine = ({ lease }: AgentStatus): Line => [
  'lease',
  `${lease.state}${lease.renewedAgoMs === null ? '' : `, renewed ${formatDuration(lease.renewedAgoMs)} ago`}`,
];

const machineLine = ({ machineId, machineType, market, location }: AgentStatus): Line => [
  'machine',
  `${machineId}, ${machineType} (${market}) in ${location}`,
];

const warningLines = ({ warnings }: AgentStatus): readonly Line[] => warnings.map((warning) => ['warning', warning]);

function intervalLine({ fit }: AttemptStatus): readonly Line[] {
  if (fit === null || fit.interval === null) return [];
  const { nowMs, suggestedMs, reason } = fit.interval;
  const now = nowMs === null ? '' : `, now every ${formatDuration(nowMs)}`;
  return [['interval', `best every ${formatDuration(suggestedMs)}${now} (${reason})`]];
}

const usd = (amount: number | null): string => (amount === null ? 'unknown' : formatUsd(amount));
