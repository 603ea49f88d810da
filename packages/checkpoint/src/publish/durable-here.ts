import type { Manifest } from '@runctl/protocol';
import type { Candidate, FileSeen } from '../contract/recogniser.ts';
import { holdsFilesOf, identityOf, isOlder, isSave, type PublishedRecord, savedAtMsOf } from '../look/plan.ts';

const filesOf = (candidate: Candidate): string => identityOf(candidate, [], false).files;

/**
 * Which of the files here are durable, and which were before others became it. What is durable and unchanged can't be newer
 * than what became durable after it, whatever its times say: the clock that gave them may have been set back in between.
 */
export class DurableHere {
  #record: PublishedRecord | null = null;
  readonly #superseded = new Set<string>();
  /** The durable checkpoint was found here before anything was published, so what lies beside it with a lower step is older. */
  #foundInPlace = false;
  /** What was durable before anything was published from here, which a restore has brought, under the times of its save. */
  #brought: Pick<PublishedRecord, 'step' | 'savedAtMs'> | null = null;

  /** Null while nothing is known to be durable. */
  get record(): PublishedRecord | null {
    return this.#record;
  }

  /** Whether the files here have been compared with what is durable. */
  get isCompared(): boolean {
    return (this.#record?.identity ?? null) !== null;
  }

  passBegins(): void {
    this.#foundInPlace = false;
  }

  /** What the bucket has, unless more is known already. */
  inBucket({ step, savedAt }: Manifest): void {
    this.#record ??= { step, savedAtMs: Date.parse(savedAt), identity: null };
  }

  /** `candidate` is durable now, with these companions; `identical` = the bucket had it already. */
  became(
    candidate: Candidate,
    companions: readonly FileSeen[],
    how: { readonly ended: boolean; readonly identical: boolean },
  ): void {
    const files = this.#record?.identity?.files;
    if (files === undefined) this.#foundInPlace = how.identical;
    else this.#superseded.add(files);
    if (files === undefined && !how.identical) this.#brought = this.#record;
    this.#superseded.delete(filesOf(candidate));
    const identity = identityOf(candidate, companions, how.ended);
    this.#record = { step: candidate.step, savedAtMs: savedAtMsOf(candidate), identity };
  }

  /** All that are here now. What came before the durable checkpoint came before the next one too, whatever time that bears. */
  seen(candidates: readonly Candidate[]): void {
    for (const candidate of candidates) if (isOlder(candidate, this.#record)) this.#superseded.add(filesOf(candidate));
  }

  /** These came before the durable checkpoint, as something else than their times has told. */
  came(before: readonly Candidate[]): void {
    for (const candidate of before) this.#superseded.add(filesOf(candidate));
  }

  /** Whether a candidate came before what is durable, as far as its times and this machine's memory tell. */
  isBehind(candidate: Candidate): boolean {
    return isOlder(candidate, this.#record) || this.#isSuperseded(candidate) || this.#wasBrought(candidate);
  }

  /** Whether it has a lower step, so that its script has started over, or a clock was set back. */
  hasFallen({ step }: Candidate): boolean {
    const durableStep = this.#record?.step ?? null;
    return step !== null && durableStep !== null && step < durableStep;
  }

  holds(candidate: Candidate, companions: readonly FileSeen[], ended: boolean): boolean {
    const published = this.#record?.identity ?? null;
    if (published === null) return false;
    const identity = identityOf(candidate, companions, ended);
    return identity.files === published.files && identity.companions === published.companions;
  }

  holdsFilesOf(candidate: Candidate): boolean {
    return holdsFilesOf(this.#record, candidate);
  }

  /** The clock that gave it its times may have been ahead of this machine's. */
  #wasBrought(candidate: Candidate): boolean {
    return this.#brought !== null && isSave(candidate, this.#brought);
  }

  #isSuperseded(candidate: Candidate): boolean {
    const files = filesOf(candidate);
    const durableStep = this.#record?.step ?? null;
    if (this.#foundInPlace && candidate.step !== null && durableStep !== null && candidate.step < durableStep)
      this.#superseded.add(files);
    return this.#superseded.has(files);
  }
}
