import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BenchFolder } from './files.ts';
import type { Command } from './measured.ts';
import type { Sink } from './sink.ts';

/** Debian's AWS CLI v2, which carries the CRT; a pyenv or a virtual environment may put another `aws` first on PATH. */
const DEBIAN_AWS = '/usr/bin/aws';
const RCLONE = '/usr/bin/rclone';
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI' };

const PROGRAMS = ['ours', 'sdk', 'publisher', 'writer', 'trainer'] as const;
type ProgramName = (typeof PROGRAMS)[number];

export interface Clients {
  /** A program of `e2e/bench/s3/programs`, bundled as the agent is, on this Node. */
  program(name: ProgramName, args: readonly string[]): Command;
  /** `aws s3 …` through the CRT; null where it is not installed, or the sink did not get port 443. */
  readonly crt: { readonly version: string; command(args: readonly string[]): Command } | null;
  readonly rclone: { readonly version: string; command(args: readonly string[]): Command } | null;
  /** Of `@aws-sdk/client-s3`. */
  readonly sdkVersion: string;
}

/** Finds the clients on this machine and makes what they need to talk to the sink. */
export async function findClients(sink: Sink, folder: BenchFolder): Promise<Clients> {
  const programs = folder.file('programs');
  await build({
    entryPoints: PROGRAMS.map((name) => fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))),
    outdir: programs,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    logLevel: 'error',
  });
  return {
    program: (name, args) => ({
      file: process.execPath,
      args: [`${programs}/${name}.mjs`, ...args],
      env: { NODE_EXTRA_CA_CERTS: sink.certificate },
    }),
    crt: await crtClient(sink, folder),
    rclone: rcloneClient(sink, folder),
    sdkVersion: await sdkVersion(),
  };
}

async function crtClient(sink: Sink, folder: BenchFolder): Promise<Clients['crt']> {
  if (!existsSync(DEBIAN_AWS) || sink.ports.standardPort === null) return null;
  const version = /aws-cli\/(2[\d.]*)/.exec(versionOf(DEBIAN_AWS))?.[1];
  if (version === undefined || !existsSync('/usr/lib/python3/dist-packages/awscrt')) return null;
  const config = folder.file('aws-config');
  await writeFile(config, '[default]\nregion = us-east-1\ns3 =\n    preferred_transfer_client = crt\n');
  return {
    version: `AWS CLI ${version} with CRT`,
    command: (args) => ({
      file: DEBIAN_AWS,
      args: ['--endpoint-url', 'https://localhost', '--ca-bundle', sink.certificate, 's3', ...args],
      env: { ...CREDENTIALS, HOME: folder.path, AWS_CONFIG_FILE: config },
    }),
  };
}

function rcloneClient(sink: Sink, folder: BenchFolder): Clients['rclone'] {
  if (!existsSync(RCLONE)) return null;
  const version = /rclone (v[\d.]+)/.exec(versionOf(RCLONE))?.[1] ?? 'of unknown version';
  const remote = {
    RCLONE_CONFIG_SINK_TYPE: 's3',
    RCLONE_CONFIG_SINK_PROVIDER: 'Other',
    RCLONE_CONFIG_SINK_ENDPOINT: sink.https,
    RCLONE_CONFIG_SINK_ENV_AUTH: 'true',
    RCLONE_CONFIG_SINK_FORCE_PATH_STYLE: 'true',
    RCLONE_S3_NO_CHECK_BUCKET: 'true',
    RCLONE_CA_CERT: sink.certificate,
    RCLONE_CONFIG: '/notfound',
  };
  return {
    version: `rclone ${version}`,
    command: (args) => ({ file: RCLONE, args, env: { ...CREDENTIALS, ...remote, HOME: folder.path } }),
  };
}

function versionOf(file: string): string {
  return execFileSync(file, [file === RCLONE ? 'version' : '--version'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

async function sdkVersion(): Promise<string> {
  const path = createRequire(import.meta.url).resolve('@aws-sdk/client-s3/package.json');
  return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
}
