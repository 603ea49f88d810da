import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { AgentPaths } from '@runctl/protocol';
import type { Journal } from '../../journal/journal.ts';
import type { Ending } from '../../lifecycle/model.ts';
import { type FailureReason, failureReason, isPythonItself } from '../../recovery/failure-reason.ts';
import { lastWordsOfFailure } from '../../recovery/hidden-failure.ts';
import { lastLines } from '../../reporting/last-lines.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { FindInterpreter, Interpreter } from '../../workload/interpreter/interpreter.ts';
import type { WorkloadCommand } from '../../workload/supervisor/supervisor.ts';

export interface StartFactsParts {
  readonly findInterpreter: FindInterpreter;
  readonly journal: Journal;
  readonly life: Pick<LifeState, 'interpreter'>;
  readonly paths: Pick<AgentPaths, 'log'>;
  readonly folders: { readonly code: string };
}

/** What this machine learns of the start of a workload: for the report of it, and for why it failed. None of it rejects. */
export class StartFacts {
  readonly #parts: StartFactsParts;
  #interpreter: Promise<Interpreter | null> = Promise.resolve(null);
  #logOffset = 0;

  constructor(parts: StartFactsParts) {
    this.#parts = parts;
  }

  /** Right before the start: what the log has so far is another start's. */
  async begin(): Promise<void> {
    const { journal, paths } = this.#parts;
    this.#logOffset = (await stat(paths.log).catch(() => null))?.size ?? 0;
    await journal.updateAttempt({ logOffset: this.#logOffset, interpreter: null }).catch(() => {});
  }

  /** Of a workload that an earlier agent started here, as that one has noted it. */
  adopt(): void {
    const { journal, life } = this.#parts;
    const { interpreter = null, logOffset = 0 } = journal.state.attempt ?? {};
    this.#logOffset = logOffset;
    this.#interpreter = Promise.resolve(interpreter);
    life.interpreter = interpreter;
  }

  /** Right after it, beside the workload. */
  started(command: WorkloadCommand): void {
    const { findInterpreter, journal, life } = this.#parts;
    this.#interpreter = findInterpreter(command).then((found) => {
      life.interpreter = found;
      journal.updateAttempt({ interpreter: found }).catch(() => {});
      return found;
    });
  }

  /** Seconds at most after the start. */
  interpreter(): Promise<Interpreter | null> {
    return this.#interpreter;
  }

  /** Why the workload failed by itself, by the last lines of its output. */
  async failureReason({ cause, exit, started }: Ending): Promise<FailureReason | null> {
    if (cause !== 'exited' || !started || exit?.code === 0) return null;
    const { folders, paths } = this.#parts;
    const found = await this.#interpreter;
    return failureReason({
      exit,
      lines: await lastLines(paths.log, this.#logOffset),
      interpreter: found === null ? null : `${found.path}${found.version === null ? '' : ` (${found.version})`}`,
      isOfProject: (name) =>
        [folders.code, `${folders.code}/src`].some((root) =>
          [`${root}/${name}`, `${root}/${name}.py`].some(existsSync),
        ),
    });
  }

  /**
   * The words of a failure with which the output of a workload ends that left with 0 by itself; null for none. A Python that
   * runs the code itself leaves with another code after an exception that it did not survive.
   */
  async hiddenFailure({ cause, exit }: Ending): Promise<string | null> {
    if (cause !== 'exited' || exit?.code !== 0) return null;
    if (isPythonItself((await this.#interpreter)?.path ?? null)) return null;
    return lastWordsOfFailure(await lastLines(this.#parts.paths.log, this.#logOffset));
  }
}
