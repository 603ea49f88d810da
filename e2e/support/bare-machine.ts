import { mkdir } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createProcessDriver, type ExecResult, type Machine } from '@runctl/sandbox/machine';
import type { World } from './world.ts';

export interface BareMachineOptions {
  /** Tells it from other machines of the same world; also its host name. */
  readonly name?: string;
  /** More environment of everything that runs on it, over the keys to the bucket. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A machine of the sandbox that is no instance of EC2: no launch, no fleet, no tags, no role, no metadata service, and
 * nobody who takes it back. It is what a computer under a desk is: a place where programs run, with keys to a bucket in
 * the environment. What runs on it dies with it, and it dies with this process.
 */
export class BareMachine implements AsyncDisposable {
  readonly machine: Machine;
  /** The machine's root folder on this computer: its `/etc` is `<root>/etc`. */
  readonly root: string;
  readonly #contacts: Contacts;

  private constructor(machine: Machine, root: string, contacts: Contacts) {
    this.machine = machine;
    this.root = root;
    this.#contacts = contacts;
  }

  static async start(world: World, options: BareMachineOptions = {}): Promise<BareMachine> {
    const { name = 'bare-machine', environment = {} } = options;
    const { endpoint, region, accessKeyId, secretAccessKey } = world.region;
    const folder = join(world.folder, 'machines', name);
    await mkdir(folder, { recursive: true });
    const contacts: Contacts = { services: [], metadata: [] };
    const machine = await createProcessDriver({ path: process.env['PATH'] ?? '' }).start({
      instanceId: name,
      hostName: name,
      folder,
      userData: null,
      region,
      environment: { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, ...environment },
      imds: (request) => {
        contacts.metadata.push(request.url ?? '');
        request.socket.destroy();
      },
      endpoints: (request, response) => {
        contacts.services.push(serviceOf(request));
        forward(endpoint, request, response);
      },
    });
    return new BareMachine(machine, join(folder, 'root'), contacts);
  }

  /** The service that each request to AWS was signed for, in order. */
  get services(): readonly string[] {
    return this.#contacts.services;
  }

  /** Paths that were asked of the metadata address, where nobody answers. */
  get metadataRequests(): readonly string[] {
    return this.#contacts.metadata;
  }

  /** Runs a command to its end. */
  async exec(command: readonly string[], options: { stdin?: Buffer; timeoutMs?: number } = {}): Promise<ExecResult> {
    return this.machine.exec(command, { timeoutMs: 60_000, ...options });
  }

  /** Puts a file at an absolute path of the machine. */
  async write(path: string, content: string | Buffer): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")" && cat >"$1"';
    const command = ['/bin/sh', '-c', script, 'write', this.root + path];
    const { exitCode, stderr } = await this.exec(command, { stdin: Buffer.from(content) });
    if (exitCode !== 0) throw new Error(`${path} could not be written: ${stderr.toString()}`);
  }

  /** Starts a program that runs on, with its output in the file at `log`; gives its pid on this computer. */
  async start(command: readonly string[], log: string): Promise<number> {
    const script = 'log=$1; shift; mkdir -p "$(dirname "$log")"; "$@" </dev/null >>"$log" 2>&1 & echo $!';
    const { stdout, stderr } = await this.exec(['/bin/sh', '-c', script, 'start', this.root + log, ...command]);
    const pid = Number(stdout.toString());
    if (!Number.isInteger(pid) || pid <= 0) throw new Error(`${command[0]} did not start: ${stderr.toString()}`);
    return pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine.kill();
  }
}

interface Contacts {
  readonly services: string[];
  readonly metadata: string[];
}

/** The service in the scope of a signature; `unsigned` without one. */
function serviceOf(request: IncomingMessage): string {
  const scope = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  return scope?.[1] ?? 'unsigned';
}

/** Passes a request on as it came: its headers are signed. */
function forward(endpoint: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = 'GET', url = '/', headers } = request;
  const { hostname, port } = new URL(endpoint);
  const passed = httpRequest({ hostname, port, method, path: url, headers, setHost: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  passed.once('error', () => response.destroy());
  response.once('close', () => passed.destroy());
  request.pipe(passed);
}
