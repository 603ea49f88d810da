/**
 * Runs as first process of new name spaces, whose end takes the instance along, and runs systemd-nspawn. Arguments: the
 * machine's disk folder, the image, the instance's id, its address. File descriptor 3 carries lines to the driver:
 * `cgroup <folder>` for each that was made, `net <pid on the host>` once addresses exist. Everything that is mounted goes with
 * the mount name space. It waits for a line on its input: the region's endpoints are up then.
 */
export const nspawnSetupScript = `set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# Without -n, mount keeps notes of its own in the host's /run.
mount() { command mount -n "$@"; }
read -r host_pid rest </proc/self/stat
# Of its own in each hierarchy, or the systemds of several instances would manage one tree.
while IFS=: read -r number controllers path; do
  case $controllers in
    '') root=/sys/fs/cgroup/unified; [ -d $root ] || root=/sys/fs/cgroup ;;
    name=*) root=/sys/fs/cgroup/\${controllers#name=} ;;
    *) root=/sys/fs/cgroup/$controllers ;;
  esac
  own=$root\${path%/}/runctl-$3
  mkdir "$own" 2>/dev/null || continue
  echo "cgroup $own" >&3
  for name in cpuset.cpus cpuset.mems; do
    if [ -e "$own/$name" ] && [ -e "\${own%/*}/$name" ]; then cat "\${own%/*}/$name" >"$own/$name"; fi
  done
  echo 0 >"$own/cgroup.procs" || :
done </proc/self/cgroup
cd "$1"
ip -batch - <<END
link set lo up
addr add 169.254.169.254/32 dev lo
addr add $4/32 dev lo
END
mount -t overlay overlay -o "lowerdir=$2,upperdir=upper,workdir=work" root
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
echo "net $host_pid" >&3
read -r _
exec 3>&- </dev/null
# A reboot ends it with 133 (systemd-nspawn, EXIT_FORCE_RESTART); a power-off with 0.
while :; do
  code=0
  systemd-nspawn --quiet --register=no --keep-unit --machine="$3" --directory="$1/root" --resolv-conf=off --timezone=off \\
    --link-journal=no --kill-signal=SIGRTMIN+3 --boot --console=read-only || code=$?
  [ "$code" = 133 ] || exit "$code"
done
`;
