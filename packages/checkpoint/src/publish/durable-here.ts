import type { Manifest } from '@runctl/protocol';
import type { Candidate } from '../contract/recogniser.ts';
import {
  type CandidateIdentity,
  filesOf,
  holdsFilesOf,
  isOlder,
  isSave,
  type PublishedRecord,
  savedAtMsOf,
} from '../look/plan.ts';

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

  /** `candidate` is durable now, with these files; `isIdentical` = the bucket had it already. */
  became(candidate: Candidate, identity: CandidateIdentity, isIdentical: boolean): void {
    const files = this.#record?.identity?.files;
    if (files === undefined) this.#foundInPlace = isIdentical;
    else this.#superseded.add(files);
    if (files === undefined && !isIdentical) this.#brought = this.#record;
    this.#superseded.delete(filesOf(candidate));
    this.#record = { step: candidate.step, savedAtMs: savedAtMsOf(candidate), identity };
  }

  /** All that are here now. What came before the durable checkpoint came before the next one too, whatever time that bears. */
  seen(candidates: readonly Candidate[]): void {
    for (const candidate of candidates) if (isOlder(candidate, this.#record)) this.#superseded.add(filesOf(candidate));
  }

  /** Marks these as older than the durable checkpoint, on evidence other than their times. */
  supersede(older: readonly Candidate[]): void {
    for (const candidate of older) this.#superseded.add(filesOf(candidate));
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

  /** Whether all of these files, as they were seen, are durable. */
  holds(identity: CandidateIdentity): boolean {
    const published = this.#record?.identity ?? null;
    if (published === null) return false;
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
