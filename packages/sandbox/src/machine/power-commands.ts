/** The way of the stand-in power commands to the init of their own instance, and to nothing else. */
export interface PowerCommandOptions {
  /** Shell words that print the pid of the instance's init. */
  readonly initPid: string;
  /** Folder inside the instance where `booted`, `stopping` and the delayed shutdown's pid are kept; shell-quoted by us. */
  readonly stateFolder: string;
  /** Length of the minute in `shutdown +N`; 60,000 except in tests. */
  readonly minuteMs: number;
}

/** Names under which the stand-in is installed at every level. */
export const powerCommandNames = ['shutdown', 'poweroff', 'halt', 'reboot', 'systemctl', 'init', 'telinit'] as const;

/** Commands that talk to the host's managers over its buses; at every level they answer that they are not there. */
export const busCommandNames = [
  'systemd-run',
  'loginctl',
  'busctl',
  'machinectl',
  'hostnamectl',
  'timedatectl',
] as const;

/** `'` safe for sh. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

const shutDown = `shut_down() {
  signal=TERM
  when=
  for word in "$@"; do
    case $word in
      -c) cancel; exit 0 ;;
      -r | --reboot | -H | --halt) signal=USR1 ;;
      -k) exit 0 ;;
      -*) ;;
      *) [ -n "$when" ] || when=$word ;;
    esac
  done
  case \${when:=+1} in
    now | +0 | 0) signal_init "$signal" ;;
    +[0-9]* | [0-9]*)
      case \${when#+} in
        *[!0-9]*) echo "shutdown: '$when' is not supported here; use now or +MINUTES" >&2; exit 1 ;;
      esac
      after_minutes "$signal" "\${when#+}" ;;
    *) echo "Failed to parse time specification: $when" >&2; exit 1 ;;
  esac
}
`;

const control = `is_system_running() {
  while [ "$1" = --wait ] && [ ! -e "$state/booted" ]; do sleep 0.2; done
  if [ -e "$state/stopping" ]; then echo stopping; exit 1; fi
  if [ -e "$state/booted" ]; then echo running; exit 0; fi
  echo starting
  exit 1
}

control() {
  wait_flag=
  while :; do
    case \${1-} in
      --wait) wait_flag=--wait; shift ;;
      -*) shift ;;
      *) break ;;
    esac
  done
  case \${1-} in
    poweroff) signal_init TERM ;;
    halt | reboot | kexec) signal_init USR1 ;;
    is-system-running) [ "\${2-}" = --wait ] && wait_flag=--wait; is_system_running "$wait_flag" ;;
    *)
      echo "System has not been booted with systemd as init system (PID 1). Can't operate." >&2
      exit 1 ;;
  esac
}
`;

/**
 * One script for every name in `powerCommandNames`, told apart by `$0`. TERM to the instance's init is a power-off; USR1
 * ends everything and leaves the machine on, as `halt` does on EC2 (and as a reboot does where nothing is enabled at boot).
 */
export function powerCommandScript(options: PowerCommandOptions): string {
  return `#!/bin/sh
# Stands in for the power commands: it can signal the init of this instance and nothing else.
state=${shellQuote(options.stateFolder)}
minute_ms=${options.minuteMs}
signal_init() { kill -s "$1" ${options.initPid}; }

after_minutes() {
  total=$(( $2 * minute_ms ))
  cancel
  (
    trap 'kill "$timer" 2>/dev/null; exit 0' TERM
    trap '' HUP
    sleep "$(( total / 1000 )).$(printf %03d $(( total % 1000 )))" &
    timer=$!
    wait "$timer" && signal_init "$1"
  ) </dev/null >/dev/null 2>&1 &
  echo "$!" >"$state/shutdown.pid"
  echo "Shutdown scheduled in $2 minutes, use 'shutdown -c' to cancel." >&2
}

cancel() {
  [ -f "$state/shutdown.pid" ] || return 0
  kill -s TERM "$(cat "$state/shutdown.pid")" 2>/dev/null
  rm -f "$state/shutdown.pid"
}

${shutDown}
${control}
case \${0##*/} in
  shutdown) shut_down "$@" ;;
  poweroff) signal_init TERM ;;
  halt | reboot) signal_init USR1 ;;
  init | telinit)
    case \${1-} in
      0) signal_init TERM ;;
      6) signal_init USR1 ;;
      *) echo "\${0##*/}: only 0 and 6 exist in a sandbox instance" >&2; exit 1 ;;
    esac ;;
  systemctl) control "$@" ;;
  *) echo "\${0##*/}: unknown power command" >&2; exit 1 ;;
esac
`;
}

/** A stand-in for a command that does not exist in an instance of this level. */
export function absentCommandScript(level: string): string {
  return `#!/bin/sh
echo "\${0##*/}: not available in a sandbox instance of level ${level}; it would act on the host" >&2
exit 1
`;
}
