import type { AgentConfig } from '@runctl/protocol';
import type { BootRequest } from './boot-request.ts';

const quoted = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`;

/** What a boot script needs to know of the kind of machine that it boots. */
export interface BootKind {
  readonly host: AgentConfig['host'];
  /**
   * A Python program that knows how this kind of machine reaches the bucket:
   *
   *     fetch KEY SHA256 FILE [gunzip]    downloads, verifies, then renames into place; ends with 3 where no waiting helps
   *     failed STAGE MESSAGE CODE         reports a boot that failed before the agent; ends the launch at once where CODE is 3
   */
  readonly fetcher: string;
}

/**
 * The shell script that makes a machine an agent, run once as root at its first boot. It holds no secret (every process can
 * read user data), fetches Node and the agent, verifies both, and starts the agent: under systemd where the machine has
 * one, else in a restart loop. All paths stand under RUNCTL_INSTANCE_ROOT, which is empty on a real machine.
 */
export function renderBootScript(request: BootRequest, { host, fetcher }: BootKind): string {
  const { standstillMs } = request;
  const config: AgentConfig = { ...request.config, host, standstillMs };
  const watching = watcher(Math.max(1, Math.round(standstillMs / 1000 / LOOKS)));
  // What ends a machine whose agent stands still is armed before there is an agent.
  const parts = [
    beginning(request),
    onFailure(request),
    folders,
    tools(request, fetcher),
    agentFiles(config),
    watching,
    start,
  ];
  return parts.join('\n');
}

/** The planned power-off counts whole minutes. */
const guardMinutes = ({ bootGuardMs }: BootRequest): number => Math.max(1, Math.ceil(bootGuardMs / 60_000));

function beginning(request: BootRequest): string {
  const { config, refusedMs } = request;
  return `#!/bin/sh
# runctl: start of run ${config.run}, launch ${config.launch}
ROOT="\${RUNCTL_INSTANCE_ROOT:-}"
export RUNCTL_RUN=${quoted(config.run)} RUNCTL_LAUNCH=${config.launch} RUNCTL_REGION=${quoted(config.region)}
export RUNCTL_BUCKET=${quoted(config.bucket)} RUNCTL_PREFIX=${quoted(config.prefix)} RUNCTL_REFUSED_S=${refusedMs / 1000}
stage=preparing
umask 022

# The boot guard: whatever goes wrong from here on, this machine does not run on unattended. The agent cancels it.
shutdown -h +${guardMinutes(request)} "runctl: the agent did not start in time" >/dev/null 2>&1 || echo "boot: no boot guard: shutdown is not available"
`;
}

/** A report may take as long as three boots: then the launch ends without one, so the planned power-off is put off. */
function onFailure(request: BootRequest): string {
  return `fail() {
  echo "boot: FAILED at '$stage': $1"
  kill "$hanging" 2>/dev/null
  shutdown -h +${3 * guardMinutes(request)} >/dev/null 2>&1
  python3 "$ROOT/opt/runctl/boot.py" failed "$stage" "$1" "\${2:-1}" || echo "boot: nothing could be done about it; the next machine may try"
  shutdown -h now
  exit 1
}
`;
}

const folders = `mkdir -p "$ROOT/opt/runctl" "$ROOT/etc/runctl" "$ROOT/usr/local/bin" "$ROOT/var/lib/runctl" "$ROOT/var/log" "$ROOT/run/runctl" || fail "cannot make folders under $ROOT/"
command -v python3 >/dev/null || fail "this image has no python3, which the boot needs"`;

/** A boot that hangs is reported as one that failed, so that the third ends the launch: this long before the planned power-off. */
const REPORT_BEGINS_S = 15;

function tools(request: BootRequest, fetcher: string): string {
  const { tools } = request;
  const hangsAfterS = guardMinutes(request) * 60 - REPORT_BEGINS_S;
  return `cat >"$ROOT/opt/runctl/boot.py" <<'BOOT_PY'
${fetcher}BOOT_PY

( trap '' HUP; sleep ${hangsAfterS}; [ -e "$ROOT/run/runctl/alive" ] || { stage=hanging; fail "no agent after ${hangsAfterS} s"; } ) </dev/null >>"$ROOT/var/log/runctl-boot.out" 2>&1 & hanging=$!
get() {
  stage="fetching $1"; shift
  { error=$(python3 "$ROOT/opt/runctl/boot.py" fetch "$@" 2>&1 >&3) || fail "$error" $?; } 3>&1
}
# Beside each other: unpacking the runtime takes one core and most of the time.
get "the agent" ${quoted(tools.agentKey)} ${tools.agentSha256} "$ROOT/opt/runctl/agent.mjs" & fetching=$!
get "the Node runtime" ${quoted(tools.nodeKey)} ${tools.nodeSha256} "$ROOT/opt/runctl/node" gunzip
wait "$fetching" || exit 1
`;
}

function agentFiles(config: AgentConfig): string {
  return `stage="starting the agent"
cat >"$ROOT/etc/runctl/agent.json" <<'AGENT_JSON'
${JSON.stringify(config)}
AGENT_JSON
cat >"$ROOT/usr/local/bin/runctl-agent" <<AGENT
#!/bin/sh
# The agent mostly sleeps beside a training that wants the memory: small heaps, no helper threads for the collector.
exec "$ROOT/opt/runctl/node" --max-semi-space-size=1 --optimize-for-size --single-threaded "$ROOT/opt/runctl/agent.mjs" "\\$@"
AGENT
chmod 755 "$ROOT/usr/local/bin/runctl-agent"
error=$("$ROOT/usr/local/bin/runctl-agent" --version 2>&1) || fail "the agent does not run here: $error"
`;
}

const start = `if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
  cat >/etc/systemd/system/runctl-agent.service <<'UNIT'
[Unit]
Description=runctl agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/local/bin/runctl-agent run
Environment=HOME=/root
Restart=always
RestartSec=2
RestartPreventExitStatus=0
KillMode=process
TimeoutStopSec=110
OOMScoreAdjust=-900
LimitNOFILE=1048576
[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload && systemctl enable --now --no-block runctl-agent || fail "systemd did not take the agent's unit"
else
  # No systemd: exit code 0 means that the agent is done, anything else that it must be started again.
  nohup sh -c 'until "$0/usr/local/bin/runctl-agent" run; do sleep 2; done' "$ROOT" </dev/null >>"$ROOT/var/log/runctl-agent.out" 2>&1 &
fi
echo "boot: the agent is started"
`;

/** Looks without a sign of life, one after the other, that mean a standstill. */
const LOOKS = 5;

/**
 * Looks from outside whether the agent lives: EC2 takes a machine whose agent is frozen, or waits for a disk that does not
 * answer, for healthy, and the training would go on with nothing durable. Looks are counted, not times compared: a clock may
 * be set. A restart is forgotten once twice as many looks in a row have seen it live.
 */
function watcher(periodSeconds: number): string {
  return `cat >"$ROOT/opt/runctl/watch" <<'WATCH'
#!/bin/sh
cd "\${RUNCTL_INSTANCE_ROOT:-}/run/runctl" || exit
read -r pid sign <alive || pid=0
read -r last looks good again <watched || { looks=0 good=0 again=0; }
if [ "$pid/$sign" = "$last" ]; then looks=$((looks + 1)) good=0; else looks=0 good=$((good + 1)); fi
[ $good -lt ${2 * LOOKS} ] || again=0
if [ $looks -ge ${LOOKS} ]; then
  echo "watch: the agent ($pid) stands still"
  if [ $again = 1 ]; then shutdown -h now; else
    ps -o args= -p $pid | grep -q runctl/agent.mjs && kill -9 $pid
    looks=0 again=1
  fi
fi
echo "$pid/$sign $looks $good $again" >watched
WATCH
chmod 755 "$ROOT/opt/runctl/watch"
if [ -z "$ROOT" ] && [ -d /run/systemd/system ]; then
  cd /etc/systemd/system
  printf '[Service]\nType=oneshot\nExecStart=/opt/runctl/watch\n' >runctl-watch.service
  printf '[Timer]\nOnActiveSec=${periodSeconds}\nOnUnitActiveSec=${periodSeconds}\n[Install]\nWantedBy=timers.target\n' >runctl-watch.timer
  systemctl daemon-reload && systemctl enable --now runctl-watch.timer || fail "systemd did not take the watcher"
else
  nohup sh -c 'while sleep ${periodSeconds}; do "$0/opt/runctl/watch"; done' "$ROOT" </dev/null >>"$ROOT/var/log/runctl-agent.out" 2>&1 &
fi
`;
}
