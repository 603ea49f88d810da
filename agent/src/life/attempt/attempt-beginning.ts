import type { Prepared } from '../../preparation/prepare.ts';
import type { LifeState } from '../../reporting/life-state.ts';
import type { WorkloadCommand } from '../../workload/supervisor/supervisor.ts';
import type { AttemptWorkload } from './attempt-workload.ts';
import type { StartFacts } from './start-facts.ts';

export interface AttemptBeginningParts {
  /** Brings code and checkpoint. Stops soon after the signal fires. */
  readonly prepare: (signal: AbortSignal) => Promise<Prepared>;
  readonly commandOf: (prepared: Prepared) => WorkloadCommand;
  /** Never rejects. */
  readonly reportStart: (prepared: Prepared) => Promise<void>;
  /** Called right before the workload is started. Never rejects. */
  readonly beforeStart: (prepared: Prepared) => Promise<void>;
  readonly workload: Pick<AttemptWorkload, 'start'>;
  readonly facts: Pick<StartFacts, 'adopt' | 'begin' | 'interpreter' | 'started'>;
  readonly life: LifeState;
}

/** Everything before the workload runs: its preparation and its start. */
export class AttemptBeginning {
  readonly #parts: AttemptBeginningParts;
  #prepared: Prepared | null = null;

  constructor(parts: AttemptBeginningParts) {
    this.#parts = parts;
  }

  /** Takes over what an earlier agent learned of a start that was its own. */
  adopt(): void {
    this.#parts.facts.adopt();
  }

  async prepare(signal: AbortSignal): Promise<void> {
    this.#parts.life.enter('preparing', 'preparing the workload');
    this.#prepared = await this.#parts.prepare(signal);
  }

  /** Rejects when nothing was started. The report of the start goes on behind it. */
  async spawn(): Promise<void> {
    const { beforeStart, commandOf, facts, life, workload } = this.#parts;
    const prepared = this.#prepared;
    if (prepared === null) throw new Error('the workload was not prepared');
    life.enter('preparing', 'starting the workload');
    await beforeStart(prepared);
    const command = commandOf(prepared);
    await facts.begin();
    await workload.start(command);
    facts.started(command);
    this.#report(prepared).catch(() => {});
  }

  async #report(prepared: Prepared): Promise<void> {
    const { facts, reportStart } = this.#parts;
    await facts.interpreter();
    await reportStart(prepared);
  }
}
