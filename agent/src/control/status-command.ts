import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { formatDuration, formatUsd, messageOf, RunctlError } from '@runctl/core';
import { agentEndpoint, type AgentEndpoint, type AttemptStatus, attemptStatus } from '@runctl/protocol';

const ANSWER_MS = 5000;

/** Asks the agent of this machine. Errors: `agent-unreachable`. */
export async function askStatus(endpointPath: string): Promise<AttemptStatus> {
  let endpoint: AgentEndpoint;
  try {
    endpoint = agentEndpoint.parse(JSON.parse(await readFile(endpointPath, 'utf8')));
  } catch (error) {
    throw new RunctlError('agent-unreachable', `no agent has written ${endpointPath}: ${messageOf(error)}`, {
      hint: 'the file is for root only; is the agent running?',
    });
  }
  const { status, body } = await fetchStatus(endpoint);
  if (status !== 200)
    throw new RunctlError('agent-unreachable', `the agent answered ${status}: ${body.trim() || 'nothing more'}`);
  return attemptStatus.parse(JSON.parse(body));
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

/** For people. */
export function statusText(status: AttemptStatus): string {
  const { durable, notice, lease, budget } = status;
  const step = status.step === null ? 'unknown' : `${status.step} (from the ${status.stepSource})`;
  const lines: (readonly [string, string])[] = [
    ['run', `${status.run}, launch ${status.launch}, attempt ${status.generation}`],
    ['phase', `${status.phase}: ${status.doing}`],
    ['step', step],
    ['durable', durable === null ? 'nothing yet' : `step ${durable.step ?? 'unknown'}, saved ${durable.savedAt}`],
    ['at risk', status.atRiskMs === null ? 'nothing' : formatDuration(status.atRiskMs)],
    ...status.uploads.map(
      (upload) => ['upload', `${upload.path}: ${upload.sentBytes} of ${upload.sizeBytes} bytes`] as const,
    ),
    ['a notice', status.fit?.summary ?? 'unknown'],
    ...(status.fit?.advice ?? []).map((text) => ['advice', text] as const),
    ...intervalLine(status),
    ['notice', notice === null ? 'none' : `${notice.action} in ${formatDuration(notice.deadlineInMs)}`],
    [
      'lease',
      `${lease.state}${lease.renewedAgoMs === null ? '' : `, renewed ${formatDuration(lease.renewedAgoMs)} ago`}`,
    ],
    ['spent', `${usd(budget.spentUsd)} of ${budget.limitUsd === null ? 'no limit' : formatUsd(budget.limitUsd)}`],
    ['machine', `${status.instanceId}, ${status.instanceType} (${status.market}) in ${status.zone}`],
    ['lives', `interruptions before: ${status.interruptions}, crashes: ${status.crashes}`],
    ...status.warnings.map((warning) => ['warning', warning] as const),
  ];
  return lines.map(([name, value]) => `${name.padEnd(9)}${value}\n`).join('');
}

function intervalLine({ fit }: AttemptStatus): readonly (readonly [string, string])[] {
  if (fit === null || fit.interval === null) return [];
  const { nowMs, suggestedMs, reason } = fit.interval;
  const now = nowMs === null ? '' : `, now every ${formatDuration(nowMs)}`;
  return [['interval', `best every ${formatDuration(suggestedMs)}${now} (${reason})`]];
}

const usd = (amount: number | null): string => (amount === null ? 'unknown' : formatUsd(amount));
