import { spawn, type ChildProcess } from 'node:child_process';
import { exitOf } from '../children.ts';

/**
 * Finds and ends the processes of one instance. Written for sh, because it must also run when the region was killed. They are
 * told by the marker, the value of any variable of their environment; whoever removed it is found as child, group member or
 * session member of one that has it. Modes: `sweep` freezes all until no new one appears, then kills and verifies; `watch` waits for the end of
 * its input first, which is also the death of the region; `stop` asks all but the init to end and waits for it.
 *
 * Arguments: mode, pid of the init, limit of `stop` in tenths of a second. First line of the input: the marker.
 */
const sweepScript = `
mode=$1
init=$2
limit=$3
read -r marker
region=$PPID

table() {
  if [ -r /proc/self/stat ]; then
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\\([0-9]*\\) (.*) /\\1 /' | awk '{ print $1, $3, $4, $5, $2 }'
  else
    ps -axo pid=,ppid=,pgid=,sess=,state=
  fi
}

marked() {
  if [ -r /proc/self/environ ]; then
    grep -laF -- "$marker" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/\\([0-9]*\\)/.*|m \\1|'
  else
    ps axeww -o pid=,command= | while read -r pid rest; do
      case $rest in *"$marker"*) echo "m $pid" ;; esac
    done
  fi
}

members() {
  { marked; table; } | awk -v self=$$ -v region="$region" '
    $1 == "m" { member[$2]; next }
    { parent[$1] = $2; group[$1] = $3; session[$1] = $4; state[$1] = $5 }
    END {
      do {
        grown = 0
        for (p in parent)
          if (!(p in member) && ((parent[p] in member) || (group[p] in member) || (session[p] in member))) {
            member[p]
            grown = 1
          }
      } while (grown)
      for (p in member)
        if ((p in parent) && p + 0 > 1 && p != self && p != region && state[p] !~ /^[ZX]/) print p
    }'
}

# Two looks in a row must find nobody new: a process that is just replacing its program shows no environment.
freeze() {
  quiet=0
  while [ "$quiet" -lt 2 ]; do
    new=
    for pid in $(members); do
      case " $frozen " in *" $pid "*) ;; *) new="$new $pid" ;; esac
    done
    if [ -z "$new" ]; then
      quiet=$((quiet + 1))
    else
      quiet=0
      kill -s STOP $new 2>/dev/null
      frozen="$frozen $new"
    fi
  done
}

sweep() {
  rounds=0
  while [ "$rounds" -lt 500 ]; do
    frozen=
    freeze
    [ -n "$frozen" ] || return 0
    now=" $(members | tr '\\n' ' ')"
    for pid in $frozen; do
      # Whoever is none of them any more ended before it was frozen, and its number may be another's by now.
      case $now in *" $pid "*) kill -s KILL "$pid" 2>/dev/null ;; *) kill -s CONT "$pid" 2>/dev/null ;; esac
    done
    rounds=$((rounds + 1))
    [ "$rounds" -lt 2 ] || sleep 0.02
  done
  return 1
}

others() { members | grep -vx "$init"; }

stop() {
  asked=$(others)
  [ -z "$asked" ] || kill -s TERM $asked 2>/dev/null
  [ -z "$asked" ] || kill -s CONT $asked 2>/dev/null
  while [ "$limit" -gt 0 ] && [ -n "$(others)" ]; do
    sleep 0.1
    limit=$((limit - 1))
  done
}

case $mode in
  watch) while read -r _; do :; done; sweep ;;
  stop) stop ;;
  *) sweep ;;
esac
`;

export interface SweepOptions {
  /** `<instance id>:<nonce>`. */
  readonly marker: string;
  readonly initPid: number;
  readonly stopLimitMs: number;
}

export function startSweeper(mode: 'watch' | 'sweep' | 'stop', options: SweepOptions): ChildProcess {
  const limit = Math.max(1, Math.round(options.stopLimitMs / 100));
  // In a session of its own, so that a Ctrl-C at the region's terminal does not reach it.
  const child = spawn('/bin/sh', ['-c', sweepScript, 'runctl-sweep', mode, String(options.initPid), String(limit)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    cwd: '/',
    detached: true,
  });
  child.stdin?.on('error', () => {
    // Its exit code tells.
  });
  child.stdin?.write(`${options.marker}\n`);
  return child;
}

/** Ends every process of an instance and resolves when none is left; false when some could not be ended in ten seconds. */
export async function sweepUp(options: SweepOptions): Promise<boolean> {
  const child = startSweeper('sweep', options);
  return (await exitOf(child)) === 0;
}
