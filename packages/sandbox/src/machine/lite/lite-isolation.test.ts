import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineDriver } from '../driver.ts';
import type { Machine } from '../machine.ts';
import { createLiteDriver } from './lite-driver.ts';
import { guestFolder } from './scripts.ts';

describe('a lite instance', () => {
  let driver: MachineDriver;
  let refused: string | null = null;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let machine: Machine | undefined;
  beforeAll(async () => {
    folder = await temporaryFolder('runctl-isolation');
    mkdirSync(join(folder.path, 'shared'));
    writeFileSync(join(folder.path, 'shared/wheel'), 'shown');
    writeFileSync(join(folder.path, 'secret'), 'keys of the region');
    driver = createLiteDriver({ endpointPort: 4566, sharedFolders: [join(folder.path, 'shared')] });
    const probed = await driver.probe();
    refused = probed.ok ? null : probed.reason;
    if (refused === null) machine = await boot('i-1');
  });
  afterAll(async () => {
    await driver.close();
    await folder[Symbol.asyncDispose]();
  });

  async function boot(id: string): Promise<Machine> {
    mkdirSync(join(folder.path, id));
    return driver.start({
      instanceId: id,
      hostName: 'ip-10-77-0-11',
      folder: join(folder.path, id),
      userData: null,
      imds: (_, response) => response.end(),
      endpoints: (_, response) => response.end(),
      region: 'eu-test-1',
    });
  }

  const inside = (name: string, body: (run: (script: string) => Promise<string>) => Promise<void>) =>
    test(name, async (context) => {
      if (machine === undefined) context.skip(`lite cannot run here: ${refused}`);
      const own = machine!;
      await body(async (script) => {
        const { stdout, stderr } = await own.exec(['sh', '-c', script], { timeoutMs: 10_000 });
        return `${stdout.toString()}${stderr.toString()}`.trim();
      });
    });

  inside('finds its own init as process 1 and no process of the host', async (run) => {
    expect(await run('tr "\\0" " " </proc/1/cmdline')).toContain(`${guestFolder}/init`);
    expect(Number(await run('ls -d /proc/[0-9]* | wc -l'))).toBeLessThan(10);
    expect(await run(`[ -e /proc/${process.pid} ] && grep -a vitest /proc/${process.pid}/cmdline || echo none`)).toBe(
      'none',
    );
  });

  inside('finds no bus and no manager of the host', async (run) => {
    for (const path of ['/run/systemd', '/run/dbus', '/var/run/docker.sock', '/run/docker.sock'])
      expect(await run(`[ -e ${path} ] && echo there || echo none`)).toBe('none');
    expect(await run('systemd-run true')).toContain('not available');
    expect(await run('systemctl start anything')).toContain('not been booted with systemd');
  });

  inside('has its stand-in at every place where the host has a power command', async (run) => {
    for (const name of ['shutdown', 'poweroff', 'halt', 'reboot', 'systemctl', 'init', 'telinit'])
      for (const place of ['/usr/local/sbin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])
        expect(await run(`[ -e ${place}/${name} ] && readlink -f ${place}/${name} || echo ${guestFolder}/power`)).toBe(
          `${guestFolder}/power`,
        );
  });

  inside('has no power over kernel, clock, mounts and devices', async (run) => {
    const reboot = 'import ctypes; c = ctypes.CDLL(None, use_errno=True); print(c.reboot(0), ctypes.get_errno())';
    expect(await run(`python3 -c '${reboot}'`)).toBe('-1 1');
    expect(await run('mount -t tmpfs none /mnt 2>&1 && echo mounted || echo refused')).toContain('refused');
    expect(await run('mknod /tmp/disk b 8 0 2>&1 && echo made || echo refused')).toContain('refused');
    expect(await run('date -s "$(date)" >/dev/null 2>&1 && echo set || echo refused')).toBe('refused');
    expect(await run('echo x 2>/dev/null >/proc/sys/kernel/hostname && echo set || echo refused')).toContain('refused');
    expect(await run('mount -o remount,rw /sys 2>/dev/null && echo yes || echo refused')).toBe('refused');
    expect(await run('find /dev -type b | wc -l')).toBe('0');
    expect(await run('nsenter -t 1 -a true 2>/dev/null && echo entered || echo refused')).toBe('refused');
  });

  inside('kills everything but its init with `kill -9 -1`, and lives', async (run) => {
    // The caller itself is spared by the kernel.
    expect(await run('(sleep 9300 &); kill -9 -1; echo done')).toBe('done');
    expect(await run('ps axo args | grep -c "[s]leep 9300"')).toBe('0');
    expect(await run('echo alive')).toBe('alive');
  });

  inside('sees neither homes nor temporary files nor project folders of the host, but its shared ones', async (run) => {
    expect(await run(`cat ${join(folder.path, 'secret')} 2>/dev/null || echo hidden`)).toBe('hidden');
    expect(await run('ls -A /root')).toBe('');
    expect(await run(`ls -A ${folder.path}`)).toBe('shared');
    expect(await run('ls -A /home')).toBe('ubuntu');
    expect(await run(`cat ${join(folder.path, 'shared/wheel')}`)).toBe('shown');
    expect(await run(`echo x 2>/dev/null >${join(folder.path, 'shared/wheel')} || echo refused`)).toContain('refused');
    expect(await run(`ls ${import.meta.dirname} 2>/dev/null || echo hidden`)).toBe('hidden');
  });

  inside('writes what it writes to its own disk', async (run) => {
    expect(await run('echo changed >/etc/hostname; echo new >/opt/runctl-isolation; cat /opt/runctl-isolation')).toBe(
      'new',
    );
    expect(existsSync('/opt/runctl-isolation')).toBe(false);
    expect(readFileSync('/etc/hostname', 'utf8')).not.toBe('changed\n');
  });

  inside('has the ordinary user of the image', async (run) => {
    expect(await run('runuser -u ubuntu -- sh -c "id -un; id -u; touch ~ubuntu/file && echo written"')).toBe(
      'ubuntu\n1000\nwritten',
    );
    expect(await run('sudo -n -u ubuntu id -un; sudo id -un')).toBe('ubuntu\nroot');
    expect(await run('runuser -u ubuntu -- shutdown -h now; echo alive')).toContain('alive');
    expect(await run('hostname; getent hosts "$(hostname)"')).toMatch(/^ip-10-77-0-11\n10\.77\.0\.11\s/);
  });

  inside('reaches nothing of the host over the network', async (run) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await run(`curl -s -m 2 http://127.0.0.1:${port}/; echo $?`)).toBe('7');
    expect(await run('ls /sys/class/net')).toBe('lo');
    server.close();
  });
});
