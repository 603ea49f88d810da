import { messageOf } from '@runctl/core';
import { defaultRetention, runKeys, type Manifest, type LatestPointer } from '@runctl/protocol';
import { movementOf, type MovementFacts, shapeOf, shapeOfPublished } from '../recognise/judge.ts';
import { isSideFile } from '../recognise/names.ts';
import { observe, type Observations } from '../recognise/observations.ts';
import type { Candidate, FileSeen } from '../recognise/recogniser.ts';
import { folderContext, scanFolder } from '../recognise/scan.ts';
import { PublishingRefused, type Publishing } from './commit.ts';
import { type CompleteCandidate, inspect, KnownStructures } from './inspect.ts';
import { Ledger, type Standing } from './ledger.ts';
import { identityOf, isOlder, newestFirst, type PublishedRecord, savedAtMsOf } from './plan.ts';
import { type KnownManifests, prune } from './prune.ts';
import { publishCandidate, type PublishResult } from './publish-candidate.ts';
import type {
  CandidateReport,
  DurableCheckpoint,
  PassOptions,
  PassReport,
  Publisher,
  PublisherOptions,
  UploadProgress,
} from './publisher-port.ts';
import { singleFlight } from './single-flight.ts';
import { KnownContent } from './upload-files.ts';

export function createPublisher(options: PublisherOptions): Publisher {
  const folder = new PublishingFolder(options);
  const passes = singleFlight({
    clock: options.clock,
    run: (pass: PassOptions) => folder.pass(pass),
    isStillNewest: (pass: PassOptions) => folder.isUploadingNewest(pass),
  });
  return { pass: passes, uploads: () => folder.uploads(), durable: () => folder.durable() };
}

/** What a pass has found so far. */
interface Findings {
  published: Manifest | null;
  readonly candidates: CandidateReport[];
  readonly notDurable: string[];
  refused: PassReport['refused'];
  unsettled: boolean;
  error: unknown;
}

/** The memory between passes. All of it can be lost: it saves work, and the bucket has the truth. */
class PublishingFolder {
  readonly #options: PublisherOptions;
  readonly #ledger = new Ledger();
  readonly #known = new KnownContent();
  readonly #structures = new KnownStructures();
  readonly #manifests: KnownManifests = new Map();
  readonly #progress = new Map<string, UploadProgress>();
  #observations: Observations = new Map();
  #published: PublishedRecord | null = null;
  #expectedShape: ReadonlySet<string> | null = null;
  #durable: DurableCheckpoint | null = null;
  #knowsBucket = false;
  /** Identity of the files on their way. */
  #uploading: string | null = null;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  uploads(): readonly UploadProgress[] {
    return Array.from(this.#progress.values());
  }

  durable(): DurableCheckpoint | null {
    return this.#durable;
  }

  async pass(pass: PassOptions): Promise<PassReport> {
    const found: Findings = {
      published: null,
      candidates: [],
      notDurable: [],
      refused: null,
      unsettled: false,
      error: null,
    };
    try {
      if (!this.#knowsBucket) await this.#readStanding(pass);
      const { candidates, facts } = await this.#look(pass);
      for (const candidate of candidates)
        if (found.published === null) await this.#consider(candidate, facts, pass, found);
    } catch (error) {
      if (error instanceof PublishingRefused) found.refused = error.reason;
      else found.error = error;
    }
    if (found.published !== null && pass.deadlineMs === undefined) await this.#prune(pass);
    return { ...found, durable: this.#durable };
  }

  /** Whether what is being uploaded now is the newest checkpoint that the disk has. */
  async isUploadingNewest(pass: PassOptions): Promise<boolean> {
    const { candidates, facts } = await this.#look(pass);
    const newest = candidates.find((candidate) => movementOf(candidate, facts) === null);
    return newest !== undefined && this.#uploading === identityOf(newest, [], false).files;
  }

  async #look(pass: PassOptions): Promise<{ candidates: readonly Candidate[]; facts: MovementFacts }> {
    const { folder, clock, recognisers, settleMs } = this.#options;
    const tree = await scanFolder(folder);
    const nowMs = clock.monotonicMs();
    this.#observations = observe(this.#observations, tree, nowMs);
    const context = folderContext(folder);
    const recognised = recognisers.map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ?? [];
    const facts = {
      observations: this.#observations,
      nowMs,
      settleMs,
      ended: pass.ended ?? null,
      expectedShape: this.#expectedShape,
    };
    return { candidates: newestFirst(recognised), facts };
  }

  async #consider(candidate: Candidate, facts: MovementFacts, pass: PassOptions, found: Findings): Promise<void> {
    const report = (complete: boolean, why: string): void => {
      found.candidates.push({ entry: candidate.entry, step: this.#stepOf(candidate), complete, why });
    };
    if (isOlder(candidate, this.#published)) return report(true, 'older than the durable checkpoint');
    if (this.#isPublished(candidate, candidate.companions, facts)) return report(true, 'durable');
    const moving = movementOf(candidate, facts);
    const complete =
      moving === null
        ? await inspect(candidate, { ...this.#options, facts, structures: this.#structures })
        : { why: moving, settling: facts.ended === null };
    if ('why' in complete) {
      found.unsettled ||= complete.settling;
      return report(false, complete.why);
    }
    await using held = complete;
    const lacking = facts.ended === null && lacksCompanions(complete);
    found.unsettled ||= lacking;
    const known = this.#isPublished(candidate, complete.companions, facts);
    if (known || (lacking && this.#holdsFilesOf(candidate))) return report(true, 'durable');
    try {
      const result = await this.#publish(held, facts, pass);
      if (result.kind === 'committed') found.published = result.manifest;
      found.unsettled ||= result.kind === 'abandoned' || result.companions.length < complete.companions.length;
      if (result.kind === 'abandoned') found.notDurable.push(`${describe(candidate)}: ${result.why}`);
      else found.notDurable.push(...leftOut(complete, result.companions));
      report(result.kind !== 'abandoned', result.kind === 'abandoned' ? result.why : complete.evidence);
    } catch (error) {
      found.notDurable.push(`${describe(candidate)}: ${messageOf(error)}`);
      report(true, `not durable: ${messageOf(error)}`);
      throw error;
    }
  }

  async #publish(complete: CompleteCandidate, facts: MovementFacts, pass: PassOptions): Promise<PublishResult> {
    const { candidate } = complete;
    const holder = this.#options.mayPublish();
    if (holder === null) throw new PublishingRefused('not-holder');
    const standing = await this.#readStanding(pass);
    this.#uploading = identityOf(candidate, [], false).files;
    try {
      const result = await publishCandidate(complete, {
        ...this.#publishing(pass, holder.generation),
        ledger: this.#ledger,
        standing,
        known: this.#known,
        progress: this.#progress,
        node: this.#options.node,
        step: this.#stepOf(candidate),
        metrics: this.#options.progressMetrics?.({ wallMs: savedAtMsOf(candidate), step: candidate.step }) ?? {},
        rejected: this.#options.rejected ?? [],
        hurry: pass.deadlineMs !== undefined && !this.#holdsFilesOf(candidate),
        compared: (this.#published?.identity ?? null) !== null,
      });
      if (result.kind === 'abandoned') return result;
      if (result.kind === 'committed') this.#durable = durableOf(this.#options.run, result.manifest);
      this.#published = {
        step: candidate.step,
        savedAtMs: savedAtMsOf(candidate),
        identity: identityOf(candidate, result.companions, facts.ended !== null),
      };
      this.#expectedShape = shapeOf(candidate.files);
      return result;
    } finally {
      this.#uploading = null;
    }
  }

  #isPublished(candidate: Candidate, companions: Candidate['companions'], facts: MovementFacts): boolean {
    const published = this.#published?.identity ?? null;
    if (published === null) return false;
    const identity = identityOf(candidate, companions, facts.ended !== null);
    return identity.files === published.files && identity.companions === published.companions;
  }

  #holdsFilesOf(candidate: Candidate): boolean {
    return this.#published?.identity?.files === identityOf(candidate, [], false).files;
  }

  /** The name's step, else what the training said when the checkpoint was written. */
  #stepOf(candidate: Candidate): number | null {
    return candidate.step ?? this.#options.progressStep?.(savedAtMsOf(candidate)) ?? null;
  }

  async #readStanding(pass: PassOptions): Promise<Standing> {
    const { store, run } = this.#options;
    const standing = await this.#ledger.read({ store, run, signal: pass.signal });
    const { pointer, manifest } = standing;
    this.#durable = pointer === null || manifest === null ? null : durableOf(run, manifest, pointer.pointer);
    // What a restore found damaged is to be replaced, by an older step too.
    const isTrusted = pointer !== null && !(this.#options.rejected ?? []).includes(pointer.pointer.manifest);
    if (manifest !== null && isTrusted) {
      this.#published ??= { step: manifest.step, savedAtMs: Date.parse(manifest.savedAt), identity: null };
      this.#expectedShape ??= shapeOfPublished(manifest);
    }
    this.#knowsBucket = true;
    return standing;
  }

  #publishing(pass: PassOptions, generation: number): Publishing {
    const { store, run, clock, mayPublish } = this.#options;
    return { store, run, clock, mayPublish, generation, signal: pass.signal };
  }

  /** Failing to prune costs money, not safety: the next commit tries again. */
  async #prune(pass: PassOptions): Promise<void> {
    const holder = this.#options.mayPublish();
    if (holder === null) return;
    try {
      const { keep: policy = defaultRetention, rejected: damaged = [] } = this.#options;
      const known = this.#manifests;
      const report = await prune(this.#publishing(pass, holder.generation), { policy, known, damaged });
      if (report.manifests.length > 0) this.#options.log.info({ ...report }, 'old checkpoints deleted');
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'old checkpoints could not be deleted');
    }
  }
}

function durableOf(run: string, manifest: Manifest, pointer?: LatestPointer): DurableCheckpoint {
  const { step, savedAt, at } = manifest;
  return { manifest: runKeys(run).manifest(manifest), step, savedAt, at: pointer?.at ?? at };
}

/** Companions that could not go along as they are now. The next pass brings them. */
function leftOut({ companions }: CompleteCandidate, taken: readonly FileSeen[]): readonly string[] {
  return companions
    .filter((file) => !taken.some((other) => other.path === file.path))
    .map((file) => `${file.path}: left out so that the checkpoint comes first`);
}

/** Whether a companion that counts is not complete yet. */
function lacksCompanions({ candidate, companions }: CompleteCandidate): boolean {
  const complete = new Set(companions.map((file) => file.path));
  return candidate.companions.some((file) => !isSideFile(file.path) && !complete.has(file.path));
}

function describe(candidate: Candidate): string {
  return candidate.step === null ? candidate.entry : `${candidate.entry} (step ${candidate.step})`;
}
