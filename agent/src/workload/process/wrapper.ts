/**
 * The workload's parent: a POSIX shell of about 1 MB that outlives the agent. `$1` is the state folder, `$2` the id of this
 * start, `$3` the folder of a control group to join or empty, the rest the command, whose session and process group are its own. Writes `training.pid` and, when the workload ended,
 * `training.exit`, both atomically, and the latter also on a disk that is full by then: its place is taken beforehand, and
 * written over without needing another block. Signals meant for the workload do not end it: traps are reset in the workload,
 * where an ignored signal would stay ignored. Only the workload bears the mark by which its processes are found and killed.
 */
export const wrapperScript = `state=$1
id=$2
group=$3
shift 3
if [ -n "$group" ]; then { echo "$$" >"$group/cgroup.procs"; } 2>/dev/null; fi
trap : HUP INT QUIT TERM
rm -f "$state/training.exit"
printf '%-256s\\n' ' ' >"$state/training.exit.tmp"
if command -v setsid >/dev/null 2>&1; then RUNCTL_WORKLOAD=$id setsid "$@" & else set -m; RUNCTL_WORKLOAD=$id "$@" & fi
child=$!
if [ -r "/proc/$child/stat" ]; then
  read -r line <"/proc/$child/stat"
  set -- \${line##*) }
  start=\${20}
else
  start=$(LC_ALL=C ps -o lstart= -p "$child")
fi
printf '{"pid":%d,"startTime":"%s","wrapper":%d,"id":"%s"}\\n' "$child" "$start" "$$" "$id" >"$state/training.pid.tmp"
mv "$state/training.pid.tmp" "$state/training.pid"
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
code=$status
signal=null
if [ "$status" -gt 128 ] && name=$(kill -l "$((status - 128))" 2>/dev/null); then
  code=null
  signal="\\"SIG\${name#SIG}\\""
fi
printf '%-256s\\n' "{\\"code\\":$code,\\"signal\\":$signal,\\"id\\":\\"$id\\"}" 1<>"$state/training.exit.tmp"
mv "$state/training.exit.tmp" "$state/training.exit"
`;
