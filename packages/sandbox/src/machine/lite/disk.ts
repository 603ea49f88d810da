import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { groupOf, ordinaryUser, passwdOf, shadowOf } from '../accounts.ts';
import type { BootScript } from '../boot-script.ts';
import {
  absentCommandScript,
  busCommandNames,
  powerCommandNames,
  powerCommandScript,
  shellQuote,
} from '../power-commands.ts';
import { becomeUser, sudoScript } from '../sudo-command.ts';
import { guestFolder, guestStateFolder, liteInitScript } from './scripts.ts';

export interface DiskSpec {
  /** Empty folder that becomes the machine's disk. */
  readonly folder: string;
  readonly hostName: string;
  readonly address: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly boot: BootScript;
  /** Folders of the host that an instance must not see, besides people's homes, temporary folders and what is no system folder. */
  readonly hiddenFolders: readonly string[];
  /** Folders of the host that stay visible, read-only, even below a hidden one. */
  readonly sharedFolders: readonly string[];
  readonly stopLimitMs: number;
  readonly minuteMs: number;
}

/** Top-level folders of a Linux system that belong to its software; anything else at `/` is the host's own business. */
const systemFolders = new Set('bin boot dev etc lib lib32 lib64 libx32 opt proc run sbin sys usr var'.split(' '));
const sudoRule = `${ordinaryUser.name} ALL=(ALL) NOPASSWD:ALL\n`;
const emptyAtBoot: Readonly<Record<string, number>> = { '/root': 0o700, '/tmp': 0o1777, '/var/tmp': 0o1777 };

/**
 * Lays out the disk of an instance before it starts: `upper` (what differs from the host's files), `private/…` (the
 * instance's own folders that hide the host's), `masked` and `shared` (lists that the setup script reads).
 */
export function layOutDisk(spec: DiskSpec): void {
  for (const name of ['upper', 'work', 'root', 'memory', 'private'])
    mkdirSync(join(spec.folder, name), { mode: 0o755 });
  const upper = new UpperLayer(join(spec.folder, 'upper'));
  const masked = maskedPaths(spec.hiddenFolders);
  writeFileSync(join(spec.folder, 'masked'), masked.map((path) => `${path}\n`).join(''));
  writeFileSync(join(spec.folder, 'shared'), spec.sharedFolders.map((path) => `${path}\n`).join(''));
  for (const path of masked.filter((path) => statSync(path).isDirectory())) {
    const own = join(spec.folder, 'private', path);
    mkdirSync(own, { recursive: true });
    chmodSync(own, emptyAtBoot[path] ?? 0o755);
  }
  const home = join(spec.folder, 'private', ordinaryUser.home);
  mkdirSync(home, { recursive: true });
  chmodSync(home, 0o750);
  chownSync(home, ordinaryUser.uid, ordinaryUser.gid);
  upper.folder('/.host');
  writeSystemFiles(upper, spec);
  writeGuestTools(upper, spec);
}

function writeSystemFiles(upper: UpperLayer, spec: DiskSpec): void {
  const passwd = readFileSync('/etc/passwd', 'utf8');
  const environment = Object.entries(spec.environment);
  upper.file('/etc/hostname', `${spec.hostName}\n`);
  // The machine's own name stands for its address, as EC2's resolver answers; never for loopback.
  upper.file('/etc/hosts', `127.0.0.1 localhost\n${spec.address} ${spec.hostName}\n`);
  upper.file('/etc/resolv.conf', '# a sandbox instance has no name server\n');
  upper.file('/etc/passwd', passwdOf(passwd, existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh'));
  upper.file('/etc/group', groupOf(readFileSync('/etc/group', 'utf8')));
  upper.file('/etc/shadow', shadowOf(passwd), 0o600);
  upper.file('/etc/environment', environment.map(([name, value]) => `${name}="${value}"\n`).join(''));
  if (spec.boot.kind === 'script') upper.file('/var/lib/cloud/instance/scripts/part-001', spec.boot.text, 0o700);
}

function writeGuestTools(upper: UpperLayer, spec: DiskSpec): void {
  const exports = Object.entries(spec.environment).map(([name, value]) => `export ${name}=${shellQuote(value)}\n`);
  upper.file(`${guestFolder}/environment`, exports.join(''));
  upper.file(`${guestFolder}/init`, liteInitScript(spec.stopLimitMs), 0o755);
  const power = powerCommandScript({ initPid: '1', stateFolder: guestStateFolder, minuteMs: spec.minuteMs });
  upper.file(`${guestFolder}/power`, power, 0o755);
  upper.file(`${guestFolder}/absent`, absentCommandScript('lite'), 0o755);
  // With a sudo on the host, the ordinary user may use it, as in AWS's images; else root has a stand-in.
  if (existsSync('/etc/sudoers.d')) upper.file('/etc/sudoers.d/90-cloud-init-users', sudoRule, 0o440);
  if (!existsSync('/usr/bin/sudo')) upper.file('/usr/local/sbin/sudo', sudoScript(becomeUser), 0o755);
  for (const name of powerCommandNames) upper.command(name, `${guestFolder}/power`);
  for (const name of busCommandNames) upper.command(name, `${guestFolder}/absent`);
}

/** Existing paths of the host, outermost first and none below another, that an instance sees empty. */
export function maskedPaths(hiddenFolders: readonly string[]): string[] {
  const topLevel = readdirSync('/', { withFileTypes: true })
    .filter((entry) => !systemFolders.has(entry.name) && (entry.isDirectory() || entry.isFile()))
    .map((entry) => `/${entry.name}`)
    .filter((path) => path !== '/.host');
  const wanted = [...topLevel, '/home', '/root', '/tmp', '/var/tmp', homedir(), tmpdir(), ...hiddenFolders];
  const existing = [...new Set(wanted.filter((path) => existsSync(path)).map((path) => realpathSync(path)))].sort();
  const outermost: string[] = [];
  for (const path of existing) {
    if (path !== '/' && !outermost.some((other) => path.startsWith(`${other}/`))) outermost.push(path);
  }
  return outermost;
}

/** The writable layer over the host's root. Folders keep the mode and owner that they have on the host. */
class UpperLayer {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    chmodSync(root, 0o755);
  }

  folder(path: string): void {
    if (path === '/' || existsSync(join(this.#root, path))) return;
    this.folder(dirname(path));
    const own = join(this.#root, path);
    mkdirSync(own);
    const host = existsSync(path) ? statSync(path) : null;
    chmodSync(own, host === null ? 0o755 : host.mode & 0o7777);
    if (host !== null) chownSync(own, host.uid, host.gid);
  }

  file(path: string, content: string | Buffer, mode = 0o644): void {
    const place = this.#resolve(path);
    writeFileSync(place, content);
    chmodSync(place, mode);
  }

  /** Puts a link to `target` where the command is looked for first, and over every place where the host has it. */
  command(name: string, target: string): void {
    const places = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
      .filter((folder, index) => index === 0 || lstatSync(`${folder}/${name}`, { throwIfNoEntry: false }) !== undefined)
      .map((folder) => this.#resolve(`${folder}/${name}`));
    for (const place of new Set(places)) symlinkSync(target, place);
  }

  /** Where a path of the instance lies in the layer; its folder follows the host's links (`/sbin` → `/usr/sbin`). */
  #resolve(path: string): string {
    const folder = existsSync(dirname(path)) ? realpathSync(dirname(path)) : dirname(path);
    this.folder(folder);
    return join(this.#root, folder, path.slice(dirname(path).length));
  }
}
