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
 * Runs a command as `adoptOrphans` does, reports its end on descriptor 3, and stays until the last of what it left behind
 * has ended. Arguments: the command.
 */
export const adoptAndReport = `
import ctypes, os, signal, sys
try:
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
except Exception:
    pass
ignored = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
for number in ignored:
    signal.signal(number, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.write(3, b"pid %d\\n" % os.getpid())
    os.close(3)
    for number in ignored + (signal.SIGPIPE,):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(sys.argv[1], sys.argv[1:])
    except OSError as error:
        print("%s: %s" % (sys.argv[1], error.strerror), file=sys.stderr)
        os._exit(127)
for number in (0, 1, 2):
    os.close(number)
while True:
    try:
        ended, status = os.wait()
    except ChildProcessError:
        os._exit(0)
    if ended == pid:
        killed = os.WIFSIGNALED(status)
        os.write(3, b"%s %d\\n" % ((b"signal", os.WTERMSIG(status)) if killed else (b"exit", os.WEXITSTATUS(status))))
        os.close(3)
`;

/**
 * The init of an instance. Arguments: state folder, user data script or empty. Input: a line when the endpoints are up;
 * its end is the death of the region. Descriptor 3 carries `up`, `power-off` and `halt` to the driver.
 */
export const processInitScript = `
state=$1
user_data=$2
asked=
signals=0
trap 'asked=power-off; signals=$((signals + 1)); echo "$asked" >&3' TERM
trap 'asked=halt; signals=$((signals + 1)); echo "$asked" >&3' USR1
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
[ -n "$asked" ] || (trap - TERM USR1; first_boot) &

# A shell without children would not wait, and one that does not wait reaps nobody.
while [ -z "$asked" ]; do
  sleep 2000000000 3>&- &
  wait
done
# Without children from here on: the driver waits until nobody but this shell is left.
while :; do
  seen=$signals
  read -r _
  # Ended by the end of the input, and not by one more signal.
  [ "$seen" != "$signals" ] || exit 0
done
`;

/** Commands that would change the host, installed as absent. */
export const hostCommandNames = `apt apt-get dpkg yum dnf snap zypper pacman brew service launchctl crontab
  mount umount modprobe insmod rmmod kexec sysctl hwclock swapon swapoff
  useradd usermod userdel groupadd adduser addgroup passwd chpasswd visudo
  iptables nft mkfs mkfs.ext4 mkfs.xfs losetup`.split(/\s+/);
