import { assertNever, RunctlError } from '@runctl/core';
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
  /** The project's folder, absolute. */
  readonly codeFolder: string;
  readonly checkpointDir: string;
  /** Null where the run keeps no folder besides its checkpoints. */
  readonly outputDir: string | null;
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
    ...importPath(inherited, facts),
    RUNCTL_RUN_ID: facts.spec.run,
    RUNCTL_ATTEMPT: String(facts.generation),
    RUNCTL_NODE: String(facts.node),
    RUNCTL_CHECKPOINT_DIR: facts.checkpointDir,
    ...(facts.outputDir === null ? {} : { RUNCTL_OUTPUT_DIR: facts.outputDir }),
    RUNCTL_RESUME_FROM: facts.resumeFrom ?? '',
    RUNCTL_PREEMPT_FILE: facts.preemptFile,
    RUNCTL_PROGRESS_FILE: facts.progressFile,
    RUNCTL_DONE_FILE: facts.doneFile,
  };
}

/** Where Python looks first for what a module of the project imports; what the spec or the machine has set comes behind. */
function importPath(
  inherited: Readonly<Record<string, string | undefined>>,
  { codeFolder, spec }: WorkloadFacts,
): Record<string, string> {
  const { workload } = spec;
  if (workload.kind !== 'module') return {};
  const own = workload.importRoots.map((root) => (root === '' ? codeFolder : `${codeFolder}/${root}`));
  const given = workload.env['PYTHONPATH'] ?? inherited['PYTHONPATH'] ?? '';
  return { PYTHONPATH: [...own, ...(given === '' ? [] : [given])].join(':') };
}

/** A command for `python` by the name `python3` where a machine has only that in its PATH, as Debian and Ubuntu have. */
export function withPythonOf(
  command: readonly string[],
  { path, exists }: { readonly path: string; readonly exists: (path: string) => boolean },
): readonly string[] {
  const isThere = (name: string): boolean => path.split(':').some((folder) => exists(`${folder}/${name}`));
  const [program, ...rest] = command;
  return program === 'python' && !isThere('python') && isThere('python3') ? ['python3', ...rest] : command;
}

/** A command for `bash` by the name `sh` where a machine has no bash. */
export function withShellOf(command: readonly string[], exists: (path: string) => boolean): readonly string[] {
  const [program, ...rest] = command;
  return program === 'bash' && !exists('/bin/bash') && !exists('/usr/bin/bash') ? ['sh', ...rest] : command;
}

/** What is run with its arguments, and the resume argument where there is something to resume from. */
export function workloadCommand(spec: RunSpec, resumeFrom: string | null): readonly string[] {
  const template = resumeFrom === null ? '' : (spec.checkpoint.resumeArgument ?? '');
  const resume = template.split(/\s+/).filter(Boolean);
  return [...startWords(spec.workload), ...resume.map((word) => word.replaceAll('{path}', resumeFrom ?? ''))];
}

function startWords(workload: RunSpec['workload']): readonly string[] {
  switch (workload.kind) {
    case 'script': {
      const { script, args, interpreter } = workload;
      return interpreter.length > 0 ? [...interpreter, script, ...args] : [asPath(script), ...args];
    }
    case 'module':
      return [...workload.interpreter, '-m', workload.module, ...workload.args];
    case 'command':
      return workload.command;
    case 'container':
      throw new RunctlError('internal', 'cannot start a container');
    default:
      return assertNever(workload);
  }
}

/** A file of the folder, never a name that is looked up in PATH. */
const asPath = (script: string): string => (script.includes('/') ? script : `./${script}`);
