import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { MachineDriver } from '../driver.ts';
import { trackMachines } from '../tracked-machines.ts';
import { hasImage } from './image.ts';
import { NspawnMachine, removeLeftControlGroups, type NspawnSettings } from './nspawn-machine.ts';

/** Instances with a systemd and a cloud-init of their own, in systemd-nspawn: for root on Linux, with an image. */
export function createNspawnDriver(settings: NspawnSettings): MachineDriver {
  return {
    level: 'nspawn',
    onlyByName: true,
    // Its crawler calls itself by its library's name.
    tokenlessAgents: /^(Cloud-Init|python-requests)\//,
    notReal: [
      'instances share the kernel, the clock, processors, memory and GPUs of this computer; their system is a bare Debian 12, whatever image was asked for',
      "AWS's own host names lead nowhere: the region's endpoints are in the environment that systemd gives to every service",
      'cloud-init, and so whoever else calls itself python-requests, gets metadata without a token: in a container it cannot find out that it is on EC2',
      'instances reach only the region: no internet, no other instance; there is no sshd, no docker and no EBS device inside',
    ],
    probe: () => probe(settings.image),
    ...trackMachines((spec) => NspawnMachine.start(spec, settings)),
  };
}

async function probe(image: string): Promise<{ ok: true } | { ok: false; reason: string }> {
  const missing = (reason: string) => ({ ok: false, reason }) as const;
  if (process.platform !== 'linux') return missing(`needs Linux; this is ${process.platform}`);
  if (process.getuid?.() !== 0) return missing('needs root');
  const found = await promisify(execFile)('systemd-nspawn', ['--version']).then(
    () => true,
    () => false,
  );
  if (!found) return missing('needs systemd-nspawn (Debian: apt-get install systemd-container)');
  removeLeftControlGroups();
  return hasImage(image) ? { ok: true } : missing(`has no image in ${image} (npm run nspawn-image makes it)`);
}
