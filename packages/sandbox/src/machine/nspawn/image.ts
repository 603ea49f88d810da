import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What an instance of this level is made of; `python3` is there wherever cloud-init is. */
const packages = [
  'systemd-sysv',
  'dbus',
  'cloud-init',
  'sudo',
  'iproute2',
  'netbase',
  'ca-certificates',
  'curl',
  'python3',
  'procps',
];

/** Units that wait for hardware or a network that an instance here does not have, or that only make noise. */
const maskedUnits = [
  'networking.service',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'console-getty.service',
  'getty-static.service',
  'e2scrub_reap.service',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'fstrim.timer',
];

/**
 * Makes the image in the folder that it is given, from the Debian mirror of this computer's own apt. AWS's images have the
 * user `ubuntu`; cloud-init makes it. Names are looked up in files only: a resolver that does not answer holds cloud-init up
 * for half a minute. The modules that are taken out fail in so small a system and mark it degraded.
 */
export const imageRecipe = `set -eu
export DEBIAN_FRONTEND=noninteractive
mmdebstrap --quiet --variant=minbase --include=${packages.join(',')} bookworm "$1"
cd "$1"
sed -i 's/^hosts:.*/hosts: files/' etc/nsswitch.conf
sed -i -e 's/name: debian/name: ubuntu/' -e '/^ *- *\\(locale\\|grub-dpkg\\|grub_dpkg\\|apt-pipelining\\|apt_pipelining\\|ssh\\)$/d' etc/cloud/cloud.cfg
echo 'network: {config: disabled}' >etc/cloud/cloud.cfg.d/99-network.cfg
cat >etc/cloud/cloud.cfg.d/90_dpkg.cfg <<'END'
datasource_list: [ Ec2 ]
datasource: {Ec2: {strict_id: false, metadata_urls: ['http://169.254.169.254'], timeout: 5, max_wait: 60}}
END
for unit in ${maskedUnits.join(' ')}; do ln -sf /dev/null "etc/systemd/system/$unit"; done
rm -f etc/hostname etc/resolv.conf
: >etc/machine-id
`;

/** Where the image of this recipe lies, below a user's cache folder; another recipe is another folder. */
export function imageFolder(cacheFolder: string): string {
  const hash = createHash('sha256').update(imageRecipe).digest('hex').slice(0, 12);
  return join(cacheFolder, 'runctl', 'images', `nspawn-${hash}`);
}

/** It is renamed into place when it is whole. */
export function hasImage(folder: string): boolean {
  return existsSync(join(folder, 'lib/systemd/systemd'));
}
