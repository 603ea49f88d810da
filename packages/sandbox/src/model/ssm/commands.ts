import { randomUUID } from 'node:crypto';
import type { ExecResult } from '../../machine/machine.ts';
import { AwsError } from '../aws-error.ts';
import type { Instance } from '../ec2/instance.ts';
import type { Instances } from '../ec2/instances.ts';
import type { Schedule } from '../ec2/schedule.ts';
import type { ComputeSettings } from '../ec2/settings.ts';

export type InvocationStatus = 'Pending' | 'InProgress' | 'Success' | 'Failed' | 'Cancelled' | 'TimedOut';

/** One command on one instance. */
export interface Invocation {
  readonly instanceId: string;
  status: InvocationStatus;
  /** `Success`, `Failed`, `ExecutionTimedOut`, `Undeliverable`, … */
  details: string;
  /** -1 until it ended. */
  responseCode: number;
  stdout: string;
  stderr: string;
  startedAtMs: number | null;
  endedAtMs: number | null;
}

export interface CommandRequest {
  readonly documentName: string;
  readonly parameters: Readonly<Record<string, readonly string[]>>;
  readonly instanceIds: readonly string[];
  readonly comment: string;
  readonly timeoutSeconds: number;
}

export interface Command extends CommandRequest {
  readonly id: string;
  readonly requestedAtMs: number;
  readonly invocations: readonly Invocation[];
}

export type PingStatus = 'Online' | 'ConnectionLost';

export interface CommandsOptions {
  readonly nowMs: () => number;
  readonly schedule: Schedule;
  readonly settings: ComputeSettings;
  readonly instances: Instances;
}

const maximumTimeoutSeconds = 172_800;
/** Output that anything ever shows of a command (d.ts GetCommandInvocationResult). */
const keptCharacters = 24_000;
/** Time between an agent's looks for commands while its network is down. */
const deliveryRetryMs = 200;
/** The shell's way to say that a command was killed. */
const killedCode = 137;

/** SSM's agents and Run Command: executes shell scripts in the machines. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #commands = new Map<string, Command>();

  constructor(options: CommandsOptions) {
    this.#options = options;
  }

  list(): readonly Command[] {
    return [...this.#commands.values()];
  }

  find(id: string): Command | undefined {
    return this.#commands.get(id);
  }

  /** Null for an instance that SSM does not know: without a role its agent can't register. */
  pingOf(instance: Instance): { readonly status: PingStatus; readonly lastPingMs: number } | null {
    const nowMs = this.#options.nowMs();
    const { ssmOnlineMs, ssmStaleMs } = this.#options.settings.delays;
    const onlineAtMs = (instance.runningAtMs ?? Number.MAX_VALUE) + ssmOnlineMs;
    if (instance.spec.profileName === null || nowMs < onlineAtMs) return null;
    if (instance.endedAtMs === null) return { status: 'Online', lastPingMs: nowMs };
    if (instance.endedAtMs < onlineAtMs) return null;
    const stale = nowMs < instance.endedAtMs + ssmStaleMs;
    return { status: stale ? 'Online' : 'ConnectionLost', lastPingMs: instance.endedAtMs };
  }

  /** Throws InvalidInstanceId unless every target's agent is there. */
  send(request: CommandRequest): Command {
    for (const id of request.instanceIds) this.#checkTarget(id);
    const requestedAtMs = this.#options.nowMs();
    const { commandDelayMs } = this.#options.settings.delays;
    const invocations = request.instanceIds.map((instanceId): Invocation => ({
      instanceId,
      status: 'Pending',
      details: 'Pending',
      responseCode: -1,
      stdout: '',
      stderr: '',
      startedAtMs: null,
      endedAtMs: null,
    }));
    const command = { ...request, id: randomUUID(), requestedAtMs, invocations };
    this.#commands.set(command.id, command);
    for (const invocation of invocations)
      this.#options.schedule.after(commandDelayMs, () => this.#execute(command, invocation));
    return command;
  }

  /** Marks unfinished invocations cancelled. What already runs on an instance runs on (AWS promises no more). */
  cancel(command: Command, instanceIds: readonly string[]): void {
    for (const invocation of command.invocations) {
      if (instanceIds.length > 0 && !instanceIds.includes(invocation.instanceId)) continue;
      if (invocation.endedAtMs === null) this.#finish(invocation, 'Cancelled', { details: 'Cancelled' });
    }
  }

  #checkTarget(id: string): void {
    const instance = this.#options.instances.find(id);
    const ready = instance?.state === 'running' && this.pingOf(instance) !== null;
    if (!ready) throw new AwsError('InvalidInstanceId', `Instances [[${id}]] not in a valid state for account`);
  }

  async #execute(command: Command, invocation: Invocation): Promise<void> {
    if (invocation.endedAtMs !== null) return;
    const machine = this.#options.instances.find(invocation.instanceId)?.machine;
    if (!machine) return this.#finish(invocation, 'Failed', { details: 'Undeliverable' });
    if (machine.isPartitioned) return this.#deliverLater(command, invocation);
    invocation.status = 'InProgress';
    invocation.details = 'InProgress';
    invocation.startedAtMs = this.#options.nowMs();
    const timeoutMs = executionTimeoutMs(command);
    try {
      const result = await machine.exec(shellCommand(command), { timeoutMs });
      if (invocation.endedAtMs === null) this.#record(invocation, result);
    } catch (error) {
      // The machine went away under the command: SSM never hears of it again.
      if (invocation.endedAtMs === null)
        this.#finish(invocation, 'Failed', { details: 'Undeliverable', stderr: String(error) });
    }
  }

  /** Its agent polls for commands over a network that is down: it stays pending until `TimeoutSeconds` have passed. */
  #deliverLater(command: Command, invocation: Invocation): void {
    if (this.#options.nowMs() - command.requestedAtMs >= command.timeoutSeconds * 1000)
      return this.#finish(invocation, 'TimedOut', { details: 'DeliveryTimedOut' });
    this.#options.schedule.after(deliveryRetryMs, () => this.#execute(command, invocation));
  }

  #record(invocation: Invocation, result: ExecResult): void {
    const output = { stdout: shownOf(result.stdout), stderr: shownOf(result.stderr) };
    // It may have ended by itself in the very moment when its time was up.
    if (result.timedOut && (result.exitCode === null || result.exitCode === killedCode)) {
      this.#finish(invocation, 'TimedOut', { ...output, details: 'ExecutionTimedOut', responseCode: killedCode });
      return;
    }
    const responseCode = result.exitCode ?? killedCode;
    const status = responseCode === 0 ? 'Success' : 'Failed';
    this.#finish(invocation, status, { ...output, details: status, responseCode });
  }

  #finish(invocation: Invocation, status: InvocationStatus, outcome: Partial<Invocation>): void {
    Object.assign(invocation, outcome, { status, endedAtMs: this.#options.nowMs() });
  }
}

function executionTimeoutMs(command: CommandRequest): number {
  const seconds = Number(command.parameters['executionTimeout']?.[0] ?? 3600);
  return Math.min(Number.isFinite(seconds) && seconds > 0 ? seconds : 3600, maximumTimeoutSeconds) * 1000;
}

/** The lines of `commands` as one shell script, started in `workingDirectory`. */
function shellCommand(command: CommandRequest): readonly string[] {
  const lines = (command.parameters['commands'] ?? []).join('\n');
  const folder = command.parameters['workingDirectory']?.[0];
  if (folder === undefined || folder === '') return ['/bin/sh', '-c', lines];
  return ['/bin/sh', '-c', `cd -- "$1" || exit 1\n${lines}`, 'sh', folder];
}

function shownOf(output: Buffer): string {
  return output.toString('utf8').slice(0, keptCharacters);
}
