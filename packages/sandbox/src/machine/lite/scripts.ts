/** Folder of the sandbox's own files inside an instance. */
export const guestFolder = '/usr/local/lib/runctl-sandbox';
export const guestStateFolder = '/run/runctl-sandbox';

/** Everything that a root of an instance may do that cannot reach the host: no mounts, modules, clock, raw devices, power. */
const keptCapabilities = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'setfcap',
  'net_bind_service',
  'net_raw',
  'sys_chroot',
  'sys_nice',
  'sys_resource',
  'sys_ptrace',
  'ipc_lock',
  'audit_write',
];

/** `setpriv` and its arguments before the command that may only do the above. */
export const confined: readonly string[] = [
  'setpriv',
  `--bounding-set=-all,${keptCapabilities.map((name) => `+${name}`).join(',')}`,
  '--inh-caps=-all',
  '--',
];

/**
 * Runs as first process of the new name spaces and becomes the instance's init. Arguments: the machine's disk folder, its
 * host name, its address. File descriptor 3 carries lines to the driver: `net <pid on the host>` once addresses exist,
 * `up` from the init. Everything that is mounted is in the instance's own mount name space and goes with it.
 */
export const setupScript = `set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# Without -n, mount keeps notes of its own in the host's /run.
mount() { command mount -n "$@"; }
read -r host_pid rest </proc/self/stat
cd "$1"
ip -batch - <<END
link set lo up
addr add 169.254.169.254/32 dev lo
\${3:+addr add $3/32 dev lo}
END
echo "net $host_pid" >&3
echo "$2" >/proc/sys/kernel/hostname

if ! mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root 2>/dev/null; then
  # The disk lies on a file system that cannot be an upper layer (an overlay itself): keep the changes in memory.
  mount -t tmpfs -o mode=700 tmpfs memory
  cp -a upper memory/upper
  mkdir memory/work
  mount -t overlay overlay -o lowerdir=/,upperdir=memory/upper,workdir=memory/work root
fi
root=$1/root
while IFS= read -r path; do
  if [ -d "$root$path" ]; then mount --bind "private$path" "$root$path"; else mount --bind /dev/null "$root$path"; fi
done <masked
while IFS= read -r path; do
  mkdir -p "$root$path"
  mount -o bind,ro "$path" "$root$path"
done <shared
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
for path in sys irq bus fs sysrq-trigger; do
  if [ -e "$root/proc/$path" ]; then mount -o bind,ro "$root/proc/$path" "$root/proc/$path"; fi
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/run"
mkdir -p "$root/run/lock" "$root/run/runctl-sandbox"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$root/dev/"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
cd "$root"
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
exec ${confined.join(' ')} ${guestFolder}/init
`;

/**
 * PID 1 of an instance: reaps what is orphaned, runs the user data once, and on TERM (power button, power-off from inside)
 * ends everything with a time limit and then itself; USR1 ends everything but itself. Its exit takes the rest along.
 */
export function liteInitScript(stopLimitMs: number): string {
  return `#!/bin/sh
state=${guestStateFolder}
asked=
trap 'asked=power-off' TERM
trap '[ -n "$asked" ] || asked=halt' USR1
trap '' HUP INT
. ${guestFolder}/environment
cd /
echo up >&3
exec 3>&-
# The region's endpoints are up when this line comes.
read -r _
exec </dev/null

first_boot() {
  if [ -x /var/lib/cloud/instance/scripts/part-001 ]; then
    (trap - TERM USR1 HUP INT; exec /var/lib/cloud/instance/scripts/part-001)
    echo "runctl-sandbox: user data ended with exit code $?"
  fi
  : >"$state/booted"
}
[ -n "$asked" ] || (trap - TERM USR1; first_boot) &

end_everything() {
  : >"$state/stopping"
  kill -s TERM -- -1
  kill -s CONT -- -1
  rounds=${Math.ceil(stopLimitMs / 50)}
  while [ "$rounds" -gt 0 ]; do
    # In the foreground, so that the shell reaps meanwhile.
    sleep 0.05
    set -- /proc/[0-9]*
    [ "$#" -gt 1 ] || return 0
    rounds=$((rounds - 1))
  done
  kill -s KILL -- -1
}

while :; do
  while [ -z "$asked" ]; do
    # A shell without children would not wait.
    sleep 2000000000 &
    wait
  done
  doing=$asked
  asked=
  echo "runctl-sandbox: $doing"
  end_everything
  [ "$doing" != power-off ] && [ "$asked" != power-off ] || exit 0
  asked=
done
`;
}
