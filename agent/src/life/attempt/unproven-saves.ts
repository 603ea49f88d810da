import type { CandidateReport, OutputFolder, OutputReport } from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import type { Timing } from '@runctl/protocol';
import type { LifeState } from '../../reporting/life-state.ts';
import { sendPatiently } from './output-patience.ts';

export interface UnprovenSavesParts {
  /** Null on machines that keep no output. */
  readonly keeper: Pick<OutputFolder, 'keepUnproven'> | null;
  readonly folders: { readonly checkpoint: string };
  readonly life: Pick<LifeState, 'warn'>;
  readonly timing: Pick<Timing, 'refusedMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

const NAMED_FILES = 3;
const ONLY_FIRST = 'of several machines the first alone keeps output';

/** Keeps as output what a finished script saved last and nothing proves to be a whole checkpoint. */
export class UnprovenSaves {
  readonly #parts: UnprovenSavesParts;
  #text: string | null = null;

  constructor(parts: UnprovenSavesParts) {
    this.#parts = parts;
  }

  /** What there is and what became of it, for people; null where there is nothing. */
  get text(): string | null {
    return this.#text;
  }

  /** Says of those of a pass's candidates that are not complete that they will be kept, before the workload has ended. */
  announce(candidates: readonly CandidateReport[]): void {
    const unproven = unprovenOf(candidates);
    const fate = this.#parts.keeper === null ? `not kept (${ONLY_FIRST})` : 'to be kept as output';
    this.#text = unproven.length === 0 ? null : textOf(unproven, fate);
  }

  /** Keeps those of the last pass's candidates that are not complete, once the workload has ended. Never rejects. */
  async keep(candidates: readonly CandidateReport[], signal: AbortSignal): Promise<void> {
    const unproven = unprovenOf(candidates);
    this.#text = null;
    if (unproven.length === 0) return;
    const { keeper, life } = this.#parts;
    const lost = keeper === null ? ONLY_FIRST : await this.#send(keeper, unproven, signal);
    this.#text = textOf(unproven, lost === null ? 'kept as output' : `not kept (${lost})`);
    life.warn(this.#text);
  }

  /** Resolves with why not all of it is kept; null when it is. */
  async #send(
    keeper: Pick<OutputFolder, 'keepUnproven'>,
    unproven: readonly CandidateReport[],
    signal: AbortSignal,
  ): Promise<string | null> {
    const { folders, timing } = this.#parts;
    const entries = unproven.flatMap(({ entry, files = [entry] }) => files);
    try {
      const files = { folder: folders.checkpoint, entries, signal };
      const send = (onKept: () => void): Promise<OutputReport> => keeper.keepUnproven({ ...files, onKept });
      const report = await sendPatiently(send, { ...this.#parts, refusedMs: timing.refusedMs, signal });
      return [...report.waiting, ...report.unkept].map(({ path, why }) => `${path} ${why}`)[0] ?? null;
    } catch (error) {
      return messageOf(signal.aborted ? signal.reason : error);
    }
  }

  /** Before the next life of the workload. */
  forget(): void {
    this.#text = null;
  }
}

const unprovenOf = (candidates: readonly CandidateReport[]): readonly CandidateReport[] =>
  candidates.filter(({ complete }) => !complete);

function textOf(unproven: readonly CandidateReport[], fate: string): string {
  const first = unproven.slice(0, NAMED_FILES).map(({ entry, why }) => `${entry} (${why})`);
  const more = unproven.length - first.length;
  return `part of no whole checkpoint, ${fate}: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
