import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, command, errorCatalog, type ErrorCode, messageOf, RunctlError, systemClock } from '@runctl/core';
import {
  sandboxAnswers,
  sandboxControlPath,
  sandboxFailure,
  sandboxRegionFile,
  sandboxRegionFileName,
  type SandboxAnswer,
  type SandboxRegionFile,
  type SandboxRequest,
  type SandboxRequestName,
} from '@runctl/protocol';
import { processStartOf } from './process-start.ts';

/** File in the state folder that takes the region process's output. */
export const sandboxLogName = 'region.log';

/** Longest wait for an answer of the control channel, all of it. */
const ANSWER_MS = 30_000;
/** Shorter for an ending: asked by a signal, one that is only busy ends in order as well. */
const STOP_ANSWER_MS = 10_000;

/** A running region, as the laptop talks to it. */
export interface Sandbox {
  readonly file: SandboxRegionFile;
  /** One request of the control channel. Errors: `sandbox-not-running`, `cloud-unreachable` when it does not answer in time, and what the region answers (`usage`, `instance-not-found`, …). */
  send<Name extends SandboxRequestName>(name: Name, request: SandboxRequest<Name>): Promise<SandboxAnswer<Name>>;
}

/** The region file of a state folder, or null when there is none that can be read. It may be a dead region's. */
export function readRegion(stateFolder: string): SandboxRegionFile | null {
  try {
    return sandboxRegionFile.parse(JSON.parse(readFileSync(join(stateFolder, sandboxRegionFileName), 'utf8')));
  } catch {
    return null;
  }
}

/** Variables that lead the SDKs, the AWS CLI, boto3 and runctl to the region. */
export function sandboxEnvironment(file: SandboxRegionFile, stateFolder: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: file.endpoint,
    AWS_ACCESS_KEY_ID: file.accessKeyId,
    AWS_SECRET_ACCESS_KEY: file.secretAccessKey,
    AWS_REGION: file.region,
    AWS_DEFAULT_REGION: file.region,
    // Nothing on this computer may take its own metadata service, if it has one, for the sandbox's.
    AWS_EC2_METADATA_DISABLED: 'true',
    RUNCTL_BUCKET: file.bucket,
    RUNCTL_INSTANCE_PROFILE: file.instanceProfile,
    RUNCTL_TIME_SCALE: String(file.timeScale),
    RUNCTL_SANDBOX_STATE: stateFolder,
  };
}

/** The running region of a state folder. Errors: `sandbox-not-running`, `cloud-unreachable` when it does not answer in time. */
export async function connectSandbox(
  stateFolder: string,
  { answerMs = ANSWER_MS }: { readonly answerMs?: number } = {},
): Promise<Sandbox> {
  const file = readRegion(stateFolder);
  if (file === null) throw notRunning(`no sandbox has been started in ${stateFolder}`);
  const sandbox = sandboxOf(file, answerMs);
  await sandbox.send('status', {});
  return sandbox;
}

export interface StartSandboxOptions {
  readonly stateFolder: string;
  /** Program and arguments that serve the region until they are ended, such as `[node, runctl.mjs, 'sandbox', 'serve', …]`. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * Starts a region process that outlives this one and waits until it answers. When one runs already, that one is returned.
 * Errors: `cloud-unreachable` with the end of its log when it does not come up.
 */
export async function startSandbox(options: StartSandboxOptions): Promise<Sandbox> {
  const { stateFolder, clock = systemClock, timeoutMs = 20_000 } = options;
  const running = await answering(stateFolder);
  if (running !== null) return running;
  const log = openLog(stateFolder);
  const [program = '', ...args] = options.command;
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: options.environment,
    detached: true,
  });
  closeSync(log);
  let ended: string | null = null;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended with ${code ?? signal}`));
  child.unref();
  const deadline = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const sandbox = await answering(stateFolder);
    if (sandbox !== null) return sandbox;
    if (ended !== null || clock.monotonicMs() > deadline) {
      throw new RunctlError(
        'cloud-unreachable',
        `the sandbox did not start: ${ended ?? `no answer in ${timeoutMs} ms`}`,
        {
          hint: `its log ends with: ${logTail(stateFolder)}`,
        },
      );
    }
    await clock.sleep(25);
  }
}

export interface StopSandboxOptions {
  /** Time that it has to end. */
  readonly timeoutMs?: number;
  /** Time that it has to answer. */
  readonly answerMs?: number;
  readonly clock?: Clock;
}

/**
 * Ends the region of a state folder and waits until it is gone; false when none ran. One that does not answer is ended by its
 * process, where that is still the one that wrote the region file. Objects in S3 stay.
 */
export async function stopSandbox(stateFolder: string, options: StopSandboxOptions = {}): Promise<boolean> {
  const { timeoutMs = 20_000, answerMs = STOP_ANSWER_MS, clock = systemClock } = options;
  const sandbox = await connectSandbox(stateFolder, { answerMs }).catch(() => null);
  if (sandbox === null) return endByProcess(stateFolder, { timeoutMs, clock });
  await sandbox.send('stop', {});
  const isThere = () => readRegion(stateFolder)?.adminToken === sandbox.file.adminToken;
  if (await isOver(isThere, { timeoutMs, clock })) return true;
  throw new RunctlError('internal', `the sandbox (process ${sandbox.file.pid}) did not end in ${timeoutMs} ms`, {
    hint: `see ${join(stateFolder, sandboxLogName)}`,
  });
}

/** The process is told by when it started: another one may have its pid by now. Its machines end with it, however it does. */
async function endByProcess(stateFolder: string, within: { timeoutMs: number; clock: Clock }): Promise<boolean> {
  const file = readRegion(stateFolder);
  const isThere = () => file !== null && processStartOf(file.pid) === file.processStart;
  if (file === null || !isThere()) return false;
  process.kill(file.pid, 'SIGTERM');
  if (await isOver(isThere, within)) return true;
  process.kill(file.pid, 'SIGKILL');
  return isOver(isThere, within);
}

async function isOver(isThere: () => boolean, at: { timeoutMs: number; clock: Clock }): Promise<boolean> {
  const deadline = at.clock.monotonicMs() + at.timeoutMs;
  while (isThere()) {
    if (at.clock.monotonicMs() > deadline) return false;
    await at.clock.sleep(25);
  }
  return true;
}

/** Makes the state folder too. Errors: `config-invalid` where it can't be written, as in a read-only home. */
function openLog(stateFolder: string): number {
  try {
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
    return openSync(join(stateFolder, sandboxLogName), 'w', 0o600);
  } catch (error) {
    throw new RunctlError('config-invalid', `the sandbox can't keep its state in ${stateFolder}: ${messageOf(error)}`, {
      hint: 'name a folder that can be written with --state, RUNCTL_SANDBOX_STATE or XDG_STATE_HOME',
      cause: error,
    });
  }
}

async function answering(stateFolder: string): Promise<Sandbox | null> {
  try {
    return await connectSandbox(stateFolder);
  } catch (error) {
    if (error instanceof RunctlError && error.code === 'cloud-unreachable') throw error;
    return null;
  }
}

function notRunning(message: string, cause?: unknown): RunctlError {
  return new RunctlError('sandbox-not-running', message, { hint: ['start it with ', command('sandbox start')], cause });
}

function logTail(stateFolder: string): string {
  try {
    const lines = readFileSync(join(stateFolder, sandboxLogName), 'utf8').trim().split('\n');
    return lines.slice(-5).join(' | ') || '(empty)';
  } catch (error) {
    return messageOf(error);
  }
}

function sandboxOf(file: SandboxRegionFile, answerMs: number): Sandbox {
  const failed = (error: unknown): RunctlError =>
    (error as { name?: unknown }).name === 'TimeoutError'
      ? silent(file, answerMs)
      : notRunning(`the sandbox at ${file.endpoint} does not answer`, error);
  return {
    file,
    async send(name, request) {
      const response = await fetch(`${file.endpoint}${sandboxControlPath}${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${file.adminToken}`, 'content-type': 'application/json' },
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(answerMs),
      }).catch((error: unknown) => {
        throw failed(error);
      });
      const text = await response.text().catch((error: unknown) => {
        throw failed(error);
      });
      const answer = jsonOf(text);
      if (!response.ok) throw failureOf(answer, `${name}: HTTP ${response.status}`);
      // The schemas are keyed by the same name as the type.
      return sandboxAnswers[name].parse(answer) as SandboxAnswer<typeof name>;
    },
  };
}

/** A process that stands still keeps its port: it is no region that has ended, so none is started in its place. */
function silent({ endpoint, pid }: SandboxRegionFile, answerMs: number): RunctlError {
  return new RunctlError('cloud-unreachable', `the sandbox at ${endpoint} gave no answer within ${answerMs / 1000} s`, {
    hint: `its process ${pid} may be stopped or very busy; end it with \`kill -9 ${pid}\` if it does not come back`,
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failureOf(answer: unknown, fallback: string): RunctlError {
  const parsed = sandboxFailure.safeParse(answer);
  // Whatever else listens on the port now is not this region.
  if (!parsed.success) return notRunning(`the sandbox did not answer as one (${fallback})`);
  const { code, message, hint } = parsed.data.error;
  const known = code in errorCatalog ? (code as ErrorCode) : 'internal';
  return new RunctlError(known, message, hint === undefined ? {} : { hint });
}
