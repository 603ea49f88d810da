import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BootScript } from '../boot-script.ts';
import type { MachineSpec } from '../driver.ts';
import { markerVariables } from '../instance-marker.ts';
import {
  absentCommandScript,
  busCommandNames,
  powerCommandNames,
  powerCommandScript,
  shellQuote,
} from '../power-commands.ts';
import { sudoScript } from '../sudo-command.ts';
import { hostCommandNames, processInitScript } from './scripts.ts';

/** Paths in the folder of an instance. */
export interface InstanceFolder {
  /** The folder that `RUNCTL_INSTANCE_ROOT` names. */
  readonly root: string;
  readonly home: string;
  readonly commands: string;
  readonly state: string;
  readonly console: string;
  /** The script of first boot; empty when there is none. */
  readonly userData: string;
}

const standardPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Makes the instance's files: an empty root with a home, its stand-in commands and its user data. */
export function makeInstanceFolder(folder: string, boot: BootScript, minuteMs: number): InstanceFolder {
  const root = join(folder, 'root');
  const at: InstanceFolder = {
    root,
    home: join(root, 'home/ubuntu'),
    commands: join(folder, 'commands'),
    state: join(folder, 'state'),
    console: join(folder, 'console.log'),
    userData: boot.kind === 'script' ? join(root, 'var/lib/cloud/instance/scripts/part-001') : '',
  };
  for (const path of ['home/ubuntu', 'etc', 'opt', 'run', 'tmp', 'usr/local/bin', 'var/lib', 'var/log'])
    mkdirSync(join(root, path), { recursive: true });
  for (const path of [at.commands, at.state]) mkdirSync(path);
  writeFileSync(at.console, boot.kind === 'unsupported' ? `runctl-sandbox: ${boot.reason}\n` : '', { mode: 0o600 });
  if (boot.kind === 'script') {
    mkdirSync(dirname(at.userData), { recursive: true });
    writeFileSync(at.userData, boot.text, { mode: 0o700 });
  }
  writeFileSync(join(at.state, 'init'), processInitScript);
  writeCommands(at, minuteMs);
  return at;
}

function writeCommands(at: InstanceFolder, minuteMs: number): void {
  const initPid = `"$(cat ${shellQuote(join(at.state, 'init.pid'))})"`;
  const own: Record<string, string> = {
    '.power': powerCommandScript({ initPid, stateFolder: at.state, minuteMs }),
    '.absent': absentCommandScript('process'),
    sudo: sudoScript(),
  };
  for (const [name, text] of Object.entries(own)) {
    writeFileSync(join(at.commands, name), text);
    chmodSync(join(at.commands, name), 0o755);
  }
  for (const name of powerCommandNames) symlinkSync('.power', join(at.commands, name));
  for (const name of [...busCommandNames, ...hostCommandNames]) symlinkSync('.absent', join(at.commands, name));
}

export interface EnvironmentOptions {
  readonly at: InstanceFolder;
  readonly spec: MachineSpec;
  /** `<instance id>:<nonce>`. */
  readonly marker: string;
  readonly python: string | null;
  readonly imdsPort: number;
  readonly endpointPort: number;
}

/** The whole environment of an instance: nothing of the caller's is inherited, least of all its credentials. */
export function processEnvironment(options: EnvironmentOptions): Record<string, string> {
  const { at, spec } = options;
  const python = options.python === null ? [] : [dirname(options.python)];
  const path = [at.commands, join(at.root, 'usr/local/bin'), ...python.filter((p) => !standardPath.includes(p))];
  return {
    PATH: [...path, ...standardPath].join(':'),
    HOME: at.home,
    TMPDIR: join(at.root, 'tmp'),
    LANG: 'C.UTF-8',
    HOSTNAME: spec.hostName,
    RUNCTL_INSTANCE_ROOT: at.root,
    AWS_REGION: spec.region,
    AWS_DEFAULT_REGION: spec.region,
    // The final slash is needed: older AWS CLIs append the path without one.
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${options.imdsPort}/`,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${options.endpointPort}`,
    ...spec.environment,
    ...markerVariables(options.marker),
  };
}
