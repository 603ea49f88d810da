import type { LatestPointer, Manifest } from '@runctl/protocol';
import { runKeys } from '@runctl/protocol';
import type { Candidate } from '../contract/recogniser.ts';
import type { DurableCheckpoint } from '../contract/publisher-port.ts';
import type { Standing } from '../ledger/ledger.ts';
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
 * Remembers which of the files here are durable, and which were before others became it. What is durable and unchanged
 * can't be newer than what became durable after it, whatever its times say: the clock that gave them may have been set
 * back in between. The memory only saves work: the bucket is the authority.
 */
export class DurableHere {
  readonly #run: string;
  #isRead = false;
  #checkpoint: DurableCheckpoint | null = null;
  #record: PublishedRecord | null = null;
  /** Of the files that the bucket has of it. */
  #paths: ReadonlySet<string> = new Set();
  /** Candidates that are older than what is durable, by their own files. */
  readonly #superseded = new Set<string>();
  /** The checkpoint that was durable before anything was published from here: a restore put it here with its times. */
  #restored: Pick<PublishedRecord, 'step' | 'savedAtMs'> | null = null;

  constructor(run: string) {
    this.#run = run;
  }

  /** Whether the bucket has been read. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** The checkpoint that `latest.json` names; null when nothing is durable or nothing is known yet. */
  get checkpoint(): DurableCheckpoint | null {
    return this.#checkpoint;
  }

  /** Null while nothing is known to be durable. */
  get record(): PublishedRecord | null {
    return this.#record;
  }

  /** Whether the files here have been compared with what is durable. */
  get isCompared(): boolean {
    return (this.#record?.identity ?? null) !== null;
  }

  /**
   * Notes what the bucket has. `trusted` is its manifest unless a restore found it damaged. It may be one of this machine's
   * whose commit was cut off before the answer came.
   */
  noteBucket({ pointer, manifest }: Standing, trusted: Manifest | null): void {
    const before = this.#checkpoint?.manifest ?? null;
    this.#isRead = true;
    this.#checkpoint = pointer === null || manifest === null ? null : this.#durableOf(manifest, pointer.pointer);
    this.#paths = pathsOf(trusted);
    if (trusted === null) return;
    if (this.#record === null || this.#checkpoint?.manifest !== before)
      this.#record = { step: trusted.step, savedAtMs: Date.parse(trusted.savedAt), identity: null };
  }

  /** The bucket has to be read again: something may have been committed without an answer. */
  forgetBucket(): void {
    this.#isRead = false;
  }

  noteCommitted(manifest: Manifest): void {
    this.#checkpoint = this.#durableOf(manifest);
    this.#paths = pathsOf(manifest);
  }

  /**
   * Notes that `candidate` is durable with these files, `beside` which a look found others. Where the bucket had it
   * before anything was published from here (`isIdentical`), candidates of lower steps beside it are older.
   */
  noteDurable(
    candidate: Candidate,
    identity: CandidateIdentity,
    { isIdentical, beside }: { readonly isIdentical: boolean; readonly beside: readonly Candidate[] },
  ): void {
    const replaced = this.#record?.identity?.files;
    if (replaced !== undefined) this.#superseded.add(replaced);
    else if (!isIdentical) this.#restored = this.#record;
    this.#superseded.delete(filesOf(candidate));
    this.#record = { step: candidate.step, savedAtMs: savedAtMsOf(candidate), identity };
    if (replaced === undefined && isIdentical) this.supersede(beside.filter((other) => this.hasFallen(other)));
  }

  /**
   * Notes the candidates that are here now: one that came before the durable checkpoint came before the next one too,
   * whatever time that bears.
   */
  noteCandidates(candidates: readonly Candidate[]): void {
    this.supersede(candidates.filter((candidate) => isOlder(candidate, this.#record)));
  }

  /** Marks these as older than the durable checkpoint, on evidence other than their times. */
  supersede(older: readonly Candidate[]): void {
    for (const candidate of older) this.#superseded.add(filesOf(candidate));
  }

  /** Whether a candidate came before what is durable, as far as its times and this machine's memory show. */
  isBehind(candidate: Candidate): boolean {
    return isOlder(candidate, this.#record) || this.#superseded.has(filesOf(candidate)) || this.#isRestored(candidate);
  }

  /** Whether its step is lower than the durable one: its script has started over, or a clock was set back. */
  hasFallen({ step }: Candidate): boolean {
    const durableStep = this.#record?.step ?? null;
    return step !== null && durableStep !== null && step < durableStep;
  }

  /** Whether all of these files, as a look found them, are durable. */
  holds(identity: CandidateIdentity): boolean {
    const published = this.#record?.identity ?? null;
    if (published === null) return false;
    return identity.files === published.files && identity.companions === published.companions;
  }

  /** Whether the durable checkpoint has a file at this path, in whatever version. */
  holdsPath(path: string): boolean {
    return this.#paths.has(path);
  }

  holdsFilesOf(candidate: Candidate): boolean {
    return holdsFilesOf(this.#record, candidate);
  }

  /** The clock that gave it its times may have been ahead of this machine's. */
  #isRestored(candidate: Candidate): boolean {
    return this.#restored !== null && isSave(candidate, this.#restored);
  }

  #durableOf(manifest: Manifest, pointer?: LatestPointer): DurableCheckpoint {
    const { step, savedAt, at } = manifest;
    return { manifest: runKeys(this.#run).manifest(manifest), step, savedAt, at: pointer?.at ?? at };
  }
}

function pathsOf(manifest: Manifest | null): ReadonlySet<string> {
  return new Set((manifest?.files ?? []).map(({ path }) => path));
}
