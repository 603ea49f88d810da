import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@runctl/testkit';
import { eventually } from './eventually.ts';
import { answers, daemon, end, freePort, type ForeignServer } from './foreign-s3.ts';

const credentials = { accessKeyId: 'AKIACEPH', secretAccessKey: 'secretceph' };

/** Whether this machine has Debian's `ceph-mon ceph-osd ceph-common radosgw`. */
export async function hasCeph(): Promise<boolean> {
  const found = await execa('sh', ['-c', 'command -v radosgw ceph-mon ceph-osd radosgw-admin'], { reject: false });
  return found.exitCode === 0;
}

/** Name and version, as the gateway says itself. */
export async function rgwVersion(): Promise<string> {
  const { stdout } = await execa('radosgw', ['--version']);
  return `Ceph RGW ${/version (\S+)/.exec(stdout)?.[1] ?? 'unknown'}`;
}

/** One monitor, one store in memory, one gateway, on loopback and in a temporary folder. Ready in about ten seconds. */
export async function startRgw(): Promise<ForeignServer> {
  const folder = await temporaryFolder('runctl-ceph');
  const at = folder.path;
  const [monitor, gateway] = await Promise.all([freePort(), freePort()]);
  const conf = join(at, 'ceph.conf');
  const fsid = randomUUID();
  await writeFile(conf, configuration({ at, fsid, monitor, gateway }));
  for (const part of ['mon.a', 'osd.0']) await mkdir(join(at, part));
  const run = (command: string, ...args: string[]) => execa(command, ['-c', conf, ...args], { timeout: 60_000 });

  const map = join(at, 'monmap');
  const keyring = join(at, 'keyring');
  const address = `[v1:127.0.0.1:${monitor}]`;
  await execa('monmaptool', ['--create', '--clobber', '--addv', 'a', address, '--fsid', fsid, map]);
  await execa('ceph-authtool', ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *']);
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
  const daemons = [daemon('ceph-mon', ['-c', conf, '-f', '-i', 'a'])];
  try {
    const osd = randomUUID();
    await run('ceph', 'osd', 'new', osd);
    // With another uuid the store would stay "booting".
    await run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
    daemons.push(daemon('ceph-osd', ['-c', conf, '-f', '-i', '0', '--osd-uuid', osd]));
    await run('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=h1');
    const radosgw = daemon('radosgw', ['-c', conf, '-f', '-n', 'client.rgw.a']);
    daemons.push(radosgw);
    const endpoint = `http://127.0.0.1:${gateway}`;
    await answers(endpoint, radosgw);
    await eventually('the gateway has its user', async () => {
      const { accessKeyId, secretAccessKey } = credentials;
      const user = ['--uid=test', '--display-name=test', `--access-key=${accessKeyId}`, `--secret=${secretAccessKey}`];
      const made = await execa('radosgw-admin', ['-c', conf, 'user', 'create', ...user], { reject: false });
      return made.exitCode === 0;
    });
    const close = async (): Promise<void> => {
      await end(daemons);
      await folder[Symbol.asyncDispose]();
    };
    return { endpoint, credentials, close };
  } catch (error) {
    await end(daemons);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

function configuration(of: { at: string; fsid: string; monitor: number; gateway: number }): string {
  const { at, fsid, monitor, gateway } = of;
  return `[global]
fsid = ${fsid}
mon host = [v1:127.0.0.1:${monitor}]
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
mon cluster log file = ${at}/cluster.log
run dir = ${at}
admin socket = ${at}/$name.asok
log file = ${at}/$name.log
pid file = ${at}/$name.pid
setuser match path = /nonexistent
[mon.a]
mon data = ${at}/mon.a
[osd.0]
osd class update on start = false
osd crush update on start = false
osd data = ${at}/osd.0
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 1073741824
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:${gateway}
rgw enable usage log = false
rgw dns name = localhost
`;
}
