import { RunctlError } from '@runctl/core';
import type { RunSpec } from '@runctl/protocol';

/** Variables of a launcher or scheduler around the agent: a framework would believe that it runs under that. */
const FOREIGN =
  /^(RANK|LOCAL_RANK|WORLD_SIZE|LOCAL_WORLD_SIZE|GROUP_RANK|MASTER_(ADDR|PORT)|SLURM_.*|TORCHELASTIC_.*)$/;
/** The agent's own, of no meaning to the script. */
const PRIVATE = /^(RUNCTL_.*|NODE_OPTIONS|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|SYSTEMD_EXEC_PID|OLDPWD|_)$/;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface WorkloadFacts {
  readonly spec: RunSpec;
  readonly generation: number;
  readonly node: number;
  readonly checkpointDir: string;
  /** Absolute; null for a start from nothing. */
  readonly resumeFrom: string | null;
  readonly preemptFile: string;
  readonly progressFile: string;
  readonly doneFile: string;
  readonly account: { readonly name: string; readonly home: string };
  /** The longest that a stop can last: launchers that kill their workers by themselves are told to wait for it. */
  readonly longestStopMs: number;
}

/** The script's environment: the agent's (region, endpoints) without what belongs to others, the spec's, then RUNCTL_*. */
export function workloadEnvironment(
  inherited: Readonly<Record<string, string | undefined>>,
  facts: WorkloadFacts,
): Record<string, string> {
  const passed = Object.entries(inherited).flatMap(([name, value]) =>
    value === undefined || FOREIGN.test(name) || PRIVATE.test(name) ? [] : [[name, value] as const],
  );
  return {
    PATH: DEFAULT_PATH,
    ...Object.fromEntries(passed),
    HOME: facts.account.home,
    USER: facts.account.name,
    LOGNAME: facts.account.name,
    PYTHONUNBUFFERED: '1',
    TORCH_ELASTIC_SHUTDOWN_TIMEOUT: String(Math.ceil(facts.longestStopMs / 1000)),
    ...facts.spec.workload.env,
    RUNCTL_RUN_ID: facts.spec.run,
    RUNCTL_ATTEMPT: String(facts.generation),
    RUNCTL_NODE: String(facts.node),
    RUNCTL_CHECKPOINT_DIR: facts.checkpointDir,
    RUNCTL_RESUME_FROM: facts.resumeFrom ?? '',
    RUNCTL_PREEMPT_FILE: facts.preemptFile,
    RUNCTL_PROGRESS_FILE: facts.progressFile,
    RUNCTL_DONE_FILE: facts.doneFile,
  };
}

/** A command for `bash` by the name `sh` where a machine has no bash. */
export function withShellOf(command: readonly string[], exists: (path: string) => boolean): readonly string[] {
  const [program, ...rest] = command;
  return program === 'bash' && !exists('/bin/bash') && !exists('/usr/bin/bash') ? ['sh', ...rest] : command;
}

/** Interpreter, script and arguments, and the resume argument where there is something to resume from. */
export function workloadCommand(spec: RunSpec, resumeFrom: string | null): readonly string[] {
  if (spec.workload.kind !== 'script') throw new RunctlError('internal', `cannot start a ${spec.workload.kind}`);
  const { script, args, interpreter } = spec.workload;
  const start = interpreter.length > 0 ? [...interpreter, script] : [script.includes('/') ? script : `./${script}`];
  const template = resumeFrom === null ? '' : (spec.checkpoint.resumeArgument ?? '');
  const resume = template.split(/\s+/).filter(Boolean);
  return [...start, ...args, ...resume.map((word) => word.replaceAll('{path}', resumeFrom ?? ''))];
}
