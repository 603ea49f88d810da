import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '@runctl/core';
import type { MachineDriver } from '../driver.ts';
import { trackMachines } from '../tracked-machines.ts';
import { LiteMachine, type LiteSettings } from './lite-machine.ts';

export type LiteDriverOptions = Partial<LiteSettings> & Pick<LiteSettings, 'endpointPort'>;

const PROBE_LIMIT_MS = 10_000;
/** Asks for everything that an instance needs of the kernel and the host's tools, in name spaces that end with it. */
const probeScript = `set -e
cd "$1"
mount() { command mount -n "$@"; }
mkdir upper work root
ip link set lo up
ip addr add 169.254.169.254/32 dev lo
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root || {
  mount -t tmpfs tmpfs upper
  mkdir upper/upper upper/work
  mount -t overlay overlay -o lowerdir=/,upperdir=upper/upper,workdir=upper/work root
}
mount -t proc proc root/proc
setpriv --bounding-set=-all --inh-caps=-all -- true
command -v nsenter pivot_root >/dev/null
`;

/** Instances in name spaces of their own over the host's files: for root on Linux. */
export function createLiteDriver(options: LiteDriverOptions): MachineDriver {
  const settings: LiteSettings = {
    hiddenFolders: [],
    sharedFolders: [],
    stopLimitMs: 90_000,
    minuteMs: 60_000,
    ...options,
  };
  return {
    level: 'lite',
    notReal: [
      'instances share the kernel, the clock and the system files of this computer, whatever image was asked for',
      'there is no systemd inside: user data runs as a script, services cannot be enabled, a reboot starts nothing again',
      'instances reach only the region: no internet, no other instance',
      'root inside cannot mount, load modules, set the clock or use block devices; there is no docker and no EBS device',
      'processors, memory and GPUs are those of this computer, whatever instance type was asked for',
    ],
    probe,
    ...trackMachines((spec) => LiteMachine.start(spec, settings)),
  };
}

async function probe(): Promise<{ ok: true } | { ok: false; reason: string }> {
  if (process.platform !== 'linux') return { ok: false, reason: `needs Linux; this is ${process.platform}` };
  if (process.getuid?.() !== 0) return { ok: false, reason: 'needs root' };
  const folder = await mkdtemp(join(tmpdir(), 'runctl-probe-'));
  try {
    const spaces = [
      '--net',
      '--mount',
      '--pid',
      '--uts',
      '--ipc',
      '--fork',
      '--kill-child',
      '--propagation',
      'private',
    ];
    const args = ['--pdeathsig', 'KILL', 'unshare', ...spaces, '/bin/sh', '-c', probeScript, 'probe', folder];
    await promisify(execFile)('setpriv', args, { timeout: PROBE_LIMIT_MS });
    return { ok: true };
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return { ok: false, reason: (stderr?.trim() || messageOf(error)).split('\n').at(-1) ?? 'unknown' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
