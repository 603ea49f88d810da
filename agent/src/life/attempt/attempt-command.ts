import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentPaths, RunSpec } from '@runctl/protocol';
import type { Journal } from '../../journal/journal.ts';
import type { Prepared } from '../../preparation/prepare.ts';
import type { Account } from '../../workload/account.ts';
import { withPythonOf, withShellOf, workloadCommand, workloadEnvironment } from '../../workload/environment.ts';
import type { WorkloadCommand } from '../../workload/supervisor/supervisor.ts';

export interface AttemptCommandParts {
  readonly spec: RunSpec;
  readonly node: number;
  readonly folders: { readonly code: string; readonly checkpoint: string; readonly output: string | null };
  readonly journal: Journal;
  /** This machine's: what the script's environment is made of besides the run. */
  readonly machine: {
    readonly paths: Pick<AgentPaths, 'preempt' | 'progress' | 'done'>;
    readonly account: Account;
    readonly inheritedEnvironment: Readonly<Record<string, string | undefined>>;
  };
}

/** The script of the current attempt with its arguments, folder and environment. */
export function attemptCommand(parts: AttemptCommandParts, { resumeFrom }: Prepared): WorkloadCommand {
  const { folders, journal, machine, node, spec } = parts;
  const environment = workloadEnvironment(machine.inheritedEnvironment, {
    spec,
    generation: journal.state.attempt?.generation ?? 1,
    node,
    codeFolder: folders.code,
    checkpointDir: folders.checkpoint,
    outputDir: folders.output,
    resumeFrom,
    preemptFile: machine.paths.preempt,
    progressFile: machine.paths.progress,
    doneFile: machine.paths.done,
    account: machine.account,
    // `stop --grace` may be longer than the run's own.
    longestStopMs: Math.max(spec.timing.longestStopMs, spec.policy.graceMs ?? 0),
  });
  const named = withShellOf(workloadCommand(spec, resumeFrom), existsSync);
  const command = withPythonOf(named, { path: environment['PATH'] ?? '', exists: existsSync });
  const folder = spec.workload.kind === 'command' ? join(folders.code, spec.workload.folder) : folders.code;
  return { command, folder, environment };
}
