import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plainBehaviour, type SinkBehaviour, type SinkObject, type SinkStats } from './sink-state.ts';

interface Ports {
  readonly httpsPort: number;
  /** 443, unless it is taken or not allowed. */
  readonly standardPort: number | null;
  readonly httpPort: number;
  readonly controlPort: number;
}

/** An S3 that takes everything in and keeps almost nothing: a process of its own, on loopback, with TLS. */
export class Sink implements AsyncDisposable {
  readonly ports: Ports;
  /** PEM; every client must be told to trust it. */
  readonly certificate: string;
  readonly #end: () => Promise<void>;

  private constructor(ports: Ports, certificate: string, end: () => Promise<void>) {
    this.ports = ports;
    this.certificate = certificate;
    this.#end = end;
  }

  /** `prefix`: a command that runs the sink's command. */
  static async start(prefix: readonly string[] = []): Promise<Sink> {
    const folder = await mkdtemp(join(tmpdir(), 'runctl-sink-'));
    const certificate = join(folder, 'certificate.pem');
    const key = join(folder, 'key.pem');
    makeCertificate(certificate, key);
    const main = fileURLToPath(new URL('sink-main.ts', import.meta.url));
    const [file, ...args] = [...prefix, process.execPath, main, certificate, key];
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const line = await Promise.race([
      new Promise<string>((resolve) => child.stdout.setEncoding('utf8').once('data', resolve)),
      ended.then(() => ''),
    ]);
    if (line === '') throw new Error('the sink did not start');
    return new Sink(JSON.parse(line) as Ports, certificate, async () => {
      child.stdin.end();
      await ended;
      await rm(folder, { recursive: true });
    });
  }

  get https(): string {
    return `https://127.0.0.1:${this.ports.httpsPort}`;
  }

  behave(behaviour: Partial<SinkBehaviour> = {}): Promise<SinkStats> {
    return this.#tell('behave', { ...plainBehaviour, ...behaviour });
  }

  reset(options: { readonly keepObjects: boolean } = { keepObjects: false }): Promise<SinkStats> {
    return this.#tell('reset', options);
  }

  stats(): Promise<SinkStats> {
    return this.#tell('stats', {});
  }

  object(key: string): Promise<Omit<SinkObject, 'source'>> {
    return this.#tell('object', { key });
  }

  /** Makes a file fetchable under a key. */
  serve(key: string, path: string): Promise<SinkStats> {
    return this.#tell('serve', { key, path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #tell<Answer>(command: string, argument: unknown): Promise<Answer> {
    const url = `http://127.0.0.1:${this.ports.controlPort}/${command}`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(argument) });
    return (await response.json()) as Answer;
  }
}

function makeCertificate(certificate: string, key: string): void {
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const made = ['-days', '2', '-subj', '/CN=localhost', '-addext', names, '-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', ...curve, ...made], { stdio: ['ignore', 'ignore', 'ignore'] });
}
