import type { RentedMachine } from '@runctl/provider';
import { type Clock, command, formatDuration, messageOf, RunctlError } from '@runctl/core';
import { agentEndpoint, agentStatus, type AgentEndpoint, type AttemptStatus } from '@runctl/protocol';
import type { Cloud } from '../cloud.ts';
import { isLiving } from '../run/liveness.ts';
import { createRunReader } from '../run/run-reader.ts';
import type { RunRecord } from '../run/run-record.ts';

export interface LiveAnswer {
  readonly machineId: string;
  readonly via: 'websocket' | 'ssh' | 'shell';
  readonly status: AttemptStatus;
}

export interface AskOptions {
  readonly run: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /**
   * How long the provider's shell may take to answer; DEFAULT_ANSWER_WITHIN_MS unless given. Asking twice (endpoint, then
   * state) takes up to twice as long.
   */
  readonly answerWithinMs?: number;
}

/** All paths of the agent stand below the instance's root, which is empty on a real machine. */
const ROOT = '"${RUNCTL_INSTANCE_ROOT:-}"';
/**
 * A shell is taken to answer within one or two seconds where it reaches the machine, and never where the machine lacks its
 * role or its network; **not measured** on an account. Whoever asks waits at a screen, and the bucket's last heartbeat is at
 * hand: so twice that, and no more.
 */
const DEFAULT_ANSWER_WITHIN_MS = 3500;

/**
 * Asks the agent of a run for its state, through the shell facet of the provider. Errors: `agent-unreachable` with the age of
 * the last heartbeat.
 */
export async function askAgent(cloud: Cloud, options: AskOptions): Promise<LiveAnswer> {
  const { machine, unreachable } = await findAgent(cloud, options);
  const answer = await onMachine(
    cloud,
    { machine, unreachable, options },
    `${ROOT}/usr/local/bin/runctl-agent status --json`,
  );
  const { data: status } = agentStatus.safeParse(parseJson(answer));
  if (status === undefined) throw unreachable('it answered something else than its state');
  if (status.generation === null)
    throw unreachable(`${machine.machineId} has no attempt yet (${status.phase}: ${status.doing})`);
  return { machineId: machine.machineId, via: 'shell', status };
}

/** Where the agent's websocket listens on its machine; null when it left no address. Errors: `agent-unreachable`. */
export async function findEndpoint(
  cloud: Cloud,
  options: AskOptions,
): Promise<{
  readonly machine: RentedMachine;
  readonly endpoint: AgentEndpoint | null;
  readonly unreachable: Unreachable;
}> {
  const { machine, unreachable } = await findAgent(cloud, options);
  const answer = await onMachine(cloud, { machine, unreachable, options }, `cat ${ROOT}/run/runctl/agent.json`);
  const parsed = agentEndpoint.safeParse(parseJson(answer));
  return { machine, endpoint: parsed.success ? parsed.data : null, unreachable };
}

/** Makes the error that tells why, and when the agent was last heard of. */
type Unreachable = (why: string) => RunctlError;

async function findAgent(
  cloud: Cloud,
  options: AskOptions,
): Promise<{ machine: RentedMachine; unreachable: Unreachable }> {
  const record = await createRunReader({ store: cloud.store, run: options.run, clock: options.clock }).read();
  const unreachable: Unreachable = (why) => unreachableError(record, why);
  const own = (await cloud.provider.machines(options.run)).filter(isLiving);
  const holder = record.attempts.at(-1)?.status?.document.machineId;
  const machine = own.find((other) => other.machineId === holder) ?? own[0];
  if (machine === undefined) throw unreachable('no machine of it lives now');
  return { machine, unreachable };
}

async function onMachine(
  cloud: Cloud,
  target: { readonly machine: RentedMachine; readonly unreachable: Unreachable; readonly options: AskOptions },
  script: string,
): Promise<string> {
  const { machine, unreachable, options } = target;
  const { signal, answerWithinMs = DEFAULT_ANSWER_WITHIN_MS } = options;
  const { shell, name } = cloud.provider;
  if (shell === undefined) throw unreachable(`${name} runs no scripts on its machines`);
  const { exitCode, stdout, stderr } = await shell
    .run(machine.machineId, script, { timeoutMs: answerWithinMs, signal })
    .catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw unreachable(messageOf(error));
    });
  if (exitCode === 0) return stdout;
  throw unreachable(`on ${machine.machineId}: ${stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`}`);
}

function unreachableError(record: RunRecord, why: string): RunctlError {
  const { run } = record.spec;
  const status = record.attempts.at(-1)?.status;
  const heard =
    status === null || status === undefined
      ? 'it was never heard of'
      : `its last heartbeat is ${formatDuration(status.ageMs)} old (${status.document.phase}, step ${status.document.step ?? 'unknown'})`;
  return new RunctlError('agent-unreachable', `the agent of ${run} can't be asked: ${why}; ${heard}`, {
    hint: [command('status', run), ' and ', command('logs', run), ' work without it'],
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
