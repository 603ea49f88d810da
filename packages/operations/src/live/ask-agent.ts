import type { CloudInstance } from '@runctl/provider';
import { RunctlError, formatDuration, messageOf, type Clock } from '@runctl/core';
import { agentEndpoint, agentStatus, type AgentEndpoint, type AttemptStatus } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { isLiving } from '../run/liveness.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { RunRecord } from '../run/run-record.ts';

export interface LiveAnswer {
  readonly machineId: string;
  readonly via: 'websocket' | 'ssh' | 'ssm';
  readonly status: AttemptStatus;
}

export interface AskOptions {
  readonly run: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** All paths of the agent stand below the instance's root, which is empty on a real machine. */
const ROOT = '"${RUNCTL_INSTANCE_ROOT:-}"';
/** Run Command takes a second or two where the machine can be reached; a person waits for the answer. */
const ASK_TIMEOUT_MS = 3500;

/**
 * Asks the agent of a run for its state, through Run Command. Errors: `agent-unreachable` with the age of the last
 * heartbeat.
 */
export async function askAgent(cloud: Cloud, options: AskOptions): Promise<LiveAnswer> {
  const { instance, unreachable } = await findAgent(cloud, options);
  const answer = await onInstance(
    cloud,
    { instance, unreachable, signal: options.signal },
    `${ROOT}/usr/local/bin/runctl-agent status --json`,
  );
  const { data: status } = agentStatus.safeParse(parseJson(answer));
  if (status === undefined) throw unreachable('it answered something else than its state');
  if (status.generation === null)
    throw unreachable(`${instance.machineId} has no attempt yet (${status.phase}: ${status.doing})`);
  return { machineId: instance.machineId, via: 'ssm', status };
}

/** Where the agent's websocket listens on its machine; null when it left no address. Errors: `agent-unreachable`. */
export async function findEndpoint(
  cloud: Cloud,
  options: AskOptions,
): Promise<{
  readonly instance: CloudInstance;
  readonly endpoint: AgentEndpoint | null;
  readonly unreachable: Unreachable;
}> {
  const { instance, unreachable } = await findAgent(cloud, options);
  const answer = await onInstance(
    cloud,
    { instance, unreachable, signal: options.signal },
    `cat ${ROOT}/run/runctl/agent.json`,
  );
  const parsed = agentEndpoint.safeParse(parseJson(answer));
  return { instance, endpoint: parsed.success ? parsed.data : null, unreachable };
}

/** Makes the error that tells why, and when the agent was last heard of. */
type Unreachable = (why: string) => RunctlError;

async function findAgent(
  cloud: Cloud,
  options: AskOptions,
): Promise<{ instance: CloudInstance; unreachable: Unreachable }> {
  const record = await createRunReader({ store: cloud.store, run: options.run, clock: options.clock }).read();
  const unreachable: Unreachable = (why) => unreachableError(record, why);
  const own = (await cloud.fleets.instances(options.run)).filter(isLiving);
  const holder = record.attempts.at(-1)?.status?.document.machineId;
  const instance = own.find((other) => other.machineId === holder) ?? own[0];
  if (instance === undefined) throw unreachable('no machine of it lives now');
  return { instance, unreachable };
}

async function onInstance(
  cloud: Cloud,
  target: { readonly instance: CloudInstance; readonly unreachable: Unreachable; readonly signal: AbortSignal },
  script: string,
): Promise<string> {
  const { instance, unreachable, signal } = target;
  const { exitCode, stdout, stderr } = await cloud.remote
    .run(instance.machineId, script, { timeoutMs: ASK_TIMEOUT_MS, signal })
    .catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw unreachable(messageOf(error));
    });
  if (exitCode === 0) return stdout;
  throw unreachable(`on ${instance.machineId}: ${stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`);
}

function unreachableError(record: RunRecord, why: string): RunctlError {
  const { run } = record.spec;
  const status = record.attempts.at(-1)?.status;
  const heard =
    status === null || status === undefined
      ? 'it was never heard of'
      : `its last heartbeat is ${formatDuration(status.ageMs)} old (${status.document.phase}, step ${status.document.step ?? 'unknown'})`;
  return new RunctlError('agent-unreachable', `the agent of ${run} can't be asked: ${why}; ${heard}`, {
    hint: `\`runctl status ${run}\` and \`runctl logs ${run}\` work without it`,
    details: { heartbeatAgeMs: status?.ageMs ?? null },
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.trim());
  } catch {
    return null;
  }
}
