/** Runs a command so that what it orphans becomes its own child, where the system can do that (Linux, with a Python). */
export const adoptOrphans = `
import ctypes, os, sys
try:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
except Exception:
    pass
os.execv(sys.argv[1], sys.argv[1:])
`;

/**
 * The init of an instance. Arguments: state folder, user data script or empty. Input: a line when the endpoints are up;
 * its end is the death of the region. Descriptor 3 carries `up`, `power-off` and `halt` to the driver.
 */
export const initScript = `
state=$1
user_data=$2
asked=
trap 'asked=power-off; echo "$asked" >&3' TERM
trap 'asked=halt; echo "$asked" >&3' USR1
trap '' HUP INT
echo $$ >"$state/init.pid"
echo up >&3
read -r _

first_boot() {
  if [ -n "$user_data" ]; then
    (trap - TERM USR1 HUP INT; exec "$user_data") </dev/null 3>&-
    echo "runctl-sandbox: user data ended with exit code $?"
  fi
  : >"$state/booted"
}
(trap - TERM USR1; first_boot) &

# A shell without children would not wait, and one that does not wait reaps nobody.
while [ -z "$asked" ]; do
  sleep 2000000000 3>&- &
  wait
done
# Without children from here on: the driver waits until nobody but this shell is left.
while :; do
  read -r _
  [ "$?" -gt 128 ] || exit 0
done
`;

/** Stands in for sudo where everything runs as one user. */
export const sudoScript = `#!/bin/sh
# Everything in this instance runs as one user: the command is run as it is.
while :; do
  case \${1-} in
    -u | -g | -C | -D | -h | -p | -R | -T) shift 2 ;;
    --) shift; break ;;
    -*) shift ;;
    *=*) export "$1"; shift ;;
    *) break ;;
  esac
done
[ "$#" -gt 0 ] || exit 0
exec "$@"
`;

/** Commands that would change the host, installed as absent. */
export const hostCommandNames = [
  ...['apt', 'apt-get', 'dpkg', 'yum', 'dnf', 'snap', 'zypper', 'pacman', 'brew', 'service', 'launchctl', 'crontab'],
  ...['mount', 'umount', 'modprobe', 'insmod', 'rmmod', 'kexec', 'sysctl', 'hwclock', 'swapon', 'swapoff'],
  ...['useradd', 'usermod', 'userdel', 'groupadd', 'adduser', 'addgroup', 'passwd', 'chpasswd', 'visudo'],
  ...['iptables', 'nft', 'mkfs', 'mkfs.ext4', 'mkfs.xfs', 'losetup'],
] as const;
