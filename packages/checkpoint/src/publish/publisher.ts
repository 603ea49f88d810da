import { messageOf } from '@runctl/core';
import { defaultRetention } from '@runctl/protocol';
import { Lanes } from '@runctl/store';
import { movementOf, type MovementFacts } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import { fingerprintOf } from '../look/scan.ts';
import { describe, durableOf, lacksCompanions, leftOut, newFindings, type Findings, unsettled } from './accounts.ts';
import { BackgroundPrune } from '../ledger/background-prune.ts';
import { PublishingRefused, type Publishing } from '../ledger/commit.ts';
import { DurableHere } from './durable-here.ts';
import { FolderLook } from '../look/folder-look.ts';
import { FolderSightings } from '../look/folder-sightings.ts';
import { type CompleteCandidate, inspect } from '../look/inspect.ts';
import { Ledger, type Standing } from '../ledger/ledger.ts';
import { filesOf, candidateIdentity, lowerAndNotLater, savedAtMsOf } from '../look/plan.ts';
import { lookAgainInMs } from '../look/sightings.ts';
import { publishCandidate, type PublishResult } from './publish-candidate.ts';
import type {
  DurableCheckpoint,
  GrowingLook,
  PassOptions,
  PassReport,
  Publisher,
  PublisherOptions,
  UploadProgress,
} from '../contract/publisher-port.ts';
import { savedByNode } from '../ledger/node-files.ts';
import { singleFlight } from './single-flight.ts';
import { staysIncomplete } from '../look/stays-incomplete.ts';
import { GrowingUploads } from '../upload/growing-uploads.ts';
import { UrgentChoice, type UrgentMoment } from './urgent-choice.ts';
import { wasDurable } from '../ledger/was-durable.ts';

/** Default of `gatherMs`: covers machines that save at different speeds, and is bearable when one of them is gone. */
const GATHER_MS = 600_000;

/** Creates the publisher of node 0, which holds the lease and commits. `Publisher` has the contract. */
export function createCommittingPublisher(options: PublisherOptions): Publisher {
  const folder = new PublishingFolder(options);
  const passes = singleFlight({
    clock: options.clock,
    run: (pass: PassOptions) => folder.pass(pass),
    isStillFirst: (pass: PassOptions) => folder.isUploadingFirst(pass),
    isOvertaken: (pass: PassOptions) => folder.isOvertaken(pass),
  });
  return {
    pass: (pass) => passes.pass(pass),
    hurry: async (deadlineMs) => {
      folder.hurry();
      await passes.hurry(deadlineMs);
    },
    calm: () => passes.calm(),
    uploadGrowing: (signal) => folder.uploadGrowing(signal),
    settled: () => folder.settled(),
    end: () => folder.end(),
    uploads: () => folder.uploads(),
    durable: () => folder.durable(),
  };
}

/**
 * Does the passes over one checkpoint folder, one at a time, and remembers between them what it has looked at,
 * uploaded and published. The memory only saves work: the bucket is the authority, and a new instance begins with what
 * it says.
 */
class PublishingFolder {
  readonly #options: PublisherOptions;
  readonly #lanes: Lanes;
  readonly #ledger = new Ledger();
  readonly #sightings: FolderSightings;
  readonly #progress = new Map<string, UploadProgress>();
  readonly #look: FolderLook;
  readonly #growing: GrowingUploads;
  readonly #prune: BackgroundPrune;
  readonly #urgent: UrgentChoice;
  /** Which of the files in the folder are durable. */
  readonly #here = new DurableHere();
  #durable: DurableCheckpoint | null = null;
  /** False until a pass has read what the bucket holds. */
  #knowsBucket = false;
  /** Identity of the candidate that is being published, by its own files; null when none is. */
  #uploading: string | null = null;

  constructor(options: PublisherOptions) {
    const { clock, keep: policy = defaultRetention, log, rejected: damaged = [] } = options;
    this.#options = options;
    this.#lanes = options.lanes ?? new Lanes({ clock });
    const sightings = new FolderSightings(options);
    this.#sightings = sightings;
    this.#look = new FolderLook(options, sightings);
    this.#growing = new GrowingUploads({ ...options, lanes: this.#lanes, ledger: this.#ledger, sightings });
    this.#prune = new BackgroundPrune({ log, policy, damaged });
    this.#urgent = new UrgentChoice({ clock, lanes: this.#lanes, growing: this.#growing });
  }

  uploads(): readonly UploadProgress[] {
    const publishing = Array.from(this.#progress.values());
    const paths = new Set(publishing.map((each) => each.path));
    return [...publishing, ...this.#growing.progress().filter((each) => !paths.has(each.path))];
  }

  durable(): DurableCheckpoint | null {
    return this.#durable;
  }

  hurry(): void {
    this.#prune.stop();
  }

  async settled(): Promise<void> {
    await this.#growing.settled();
    await this.#prune.settled();
  }

  end(): Promise<void> {
    return this.#growing.end();
  }

  uploadGrowing(signal: AbortSignal): Promise<GrowingLook> {
    return this.#growing.look(signal);
  }

  /** One pass; see `Publisher.pass`. The caller never starts a second one beside it. */
  async pass(pass: PassOptions): Promise<PassReport> {
    const found = newFindings();
    if (pass.deadlineMs !== undefined) this.#prune.stop();
    this.#here.passBegins();
    try {
      if (!this.#knowsBucket) await this.#readStanding(pass);
      const { candidates, facts, passedOver } = await this.#look.look(pass.ended ?? null);
      found.passedOver.push(...passedOver);
      this.#here.seen(candidates);
      if (pass.deadlineMs === undefined) await this.#newestOf(candidates, facts, pass, found);
      else await this.#mostUrgentOf(candidates, facts, pass, found);
    } catch (error) {
      if (error instanceof PublishingRefused) found.refused = error.reason;
      else found.error = error;
    }
    if (found.published !== null && pass.deadlineMs === undefined) await this.#pruneAfter(pass);
    return { ...found, durable: this.#durable };
  }

  /** Whether the candidate that is being published is the one that a pass with this deadline would publish first. */
  async isUploadingFirst(pass: PassOptions): Promise<boolean> {
    return this.#urgent.isFirst(this.#uploading, await this.#moment(pass));
  }

  /** Whether the candidate that is being published can no longer meet the deadline while another one can. */
  async isOvertaken(pass: PassOptions): Promise<boolean> {
    return this.#urgent.isOvertaken(this.#uploading, await this.#moment(pass));
  }

  async #moment(pass: PassOptions): Promise<UrgentMoment> {
    const looked = await this.#look.look(pass.ended ?? null);
    return { looked, published: this.#here.record, pass };
  }

  /** Considers candidates, newest first, until one of them is published. */
  async #newestOf(candidates: readonly Candidate[], facts: MovementFacts, pass: PassOptions, found: Findings) {
    for (const candidate of candidates)
      if (found.published === null) await this.#consider(candidate, facts, pass, found);
  }

  /**
   * Before a deadline: considers the candidates that `UrgentChoice` puts in order, then the others, which may be in
   * time if the estimate is wrong. Skips what is older than a candidate that was published. Uploads of files that are
   * outside that order and don't grow any more are given up, so that the network is free.
   */
  async #mostUrgentOf(candidates: readonly Candidate[], facts: MovementFacts, pass: PassOptions, found: Findings) {
    const moment = { looked: { candidates, facts }, published: this.#here.record, pass };
    const { order, givenUp } = this.#urgent.order(moment);
    this.#growing.keepOnly(order);
    for (const candidate of givenUp) {
      found.unsettled ||= facts.ended === null;
      found.notDurable.push(`${describe(candidate)}: given up for a newer one that is being written`);
    }
    const others = candidates.filter((candidate) => !order.includes(candidate) && !givenUp.includes(candidate));
    let secured = candidates.length;
    for (const candidate of [...order, ...others]) {
      const index = candidates.indexOf(candidate);
      if (index > secured) continue;
      const before = found.published;
      await this.#consider(candidate, facts, pass, found);
      if (found.published !== before) secured = index;
    }
  }

  /**
   * Publishes a candidate if it is complete and not durable yet, and records in `found` what came of it. Rejects when
   * publishing fails, after it has recorded that too.
   */
  async #consider(candidate: Candidate, facts: MovementFacts, pass: PassOptions, found: Findings): Promise<void> {
    const report = (complete: boolean, why: string): void => {
      found.candidates.push({ entry: candidate.entry, step: this.#stepOf(candidate), complete, why });
    };
    if (this.#here.isBehind(candidate)) return report(true, 'older than the durable checkpoint');
    const ended = facts.ended !== null;
    if (this.#here.isCompared && this.#here.holds(candidateIdentity(candidate, candidate, ended)))
      return report(true, 'durable');
    const moving = movementOf(candidate, facts);
    const complete =
      moving === null
        ? await this.#inspect(candidate, facts)
        : { why: moving, settling: facts.ended === null, told: undefined };
    if ('why' in complete) {
      if (complete.settling) unsettled(found, lookAgainInMs(facts.sightings, candidate.files, facts));
      if (complete.told === true) found.notDurable.push(`${describe(candidate)}: ${complete.why}`);
      if (complete.told === true || staysIncomplete(candidate, complete, facts))
        found.passedOver.push({ path: candidate.entry, why: `can't be made durable: ${complete.why}` });
      return report(false, complete.why);
    }
    await using held = complete;
    found.passedOver.push(...held.held.forbidden);
    const lacking = facts.ended === null && lacksCompanions(complete);
    if (lacking) unsettled(found, lookAgainInMs(facts.sightings, candidate.companions, facts));
    const known = this.#here.holds(candidateIdentity(candidate, complete, ended));
    if (known || (lacking && this.#here.holdsFilesOf(candidate))) return report(true, 'durable');
    const { store, run } = this.#options;
    if (this.#here.hasFallen(candidate) && (await wasDurable(candidate, { store, run, signal: pass.signal }))) {
      this.#here.supersede([candidate]);
      return report(true, 'older than the durable checkpoint');
    }
    try {
      const result = await this.#publish(held, facts, pass);
      if (result.kind === 'committed') found.published = result.manifest;
      found.unsettled ||= result.kind === 'abandoned' || result.companions.length < complete.companions.length;
      if (result.kind === 'abandoned') found.notDurable.push(`${describe(candidate)}: ${result.why}`);
      else found.notDurable.push(...leftOut(complete, result));
      report(result.kind !== 'abandoned', result.kind === 'abandoned' ? result.why : complete.evidence);
    } catch (error) {
      found.notDurable.push(`${describe(candidate)}: ${messageOf(error)}`);
      report(true, `not durable: ${messageOf(error)}`);
      throw error;
    }
  }

  #inspect(candidate: Candidate, facts: MovementFacts): ReturnType<typeof inspect> {
    return inspect(candidate, { ...this.#options, facts, sightings: this.#sightings });
  }

  /** Publishes a complete candidate in the generation that this machine holds. Rejects as `publishCandidate` does. */
  async #publish(complete: CompleteCandidate, facts: MovementFacts, pass: PassOptions): Promise<PublishResult> {
    const { candidate, held } = complete;
    const holder = this.#options.mayPublish();
    if (holder === null) throw new PublishingRefused('not-holder');
    const standing = await this.#readStanding(pass);
    const publishing = this.#publishing(pass, holder.generation);
    await this.#growing.resume(publishing);
    this.#uploading = filesOf(candidate);
    using _ = this.#growing.hold(held);
    try {
      const result = await publishCandidate(complete, {
        ...publishing,
        ledger: this.#ledger,
        standing,
        known: this.#sightings,
        places: this.#growing.places,
        uploads: this.#growing.uploads,
        progress: this.#progress,
        node: this.#options.node,
        nodes: this.#options.nodes ?? 1,
        gatherMs: this.#options.gatherMs ?? GATHER_MS,
        step: this.#stepOf(candidate),
        metrics: this.#options.progressMetrics?.({ wallMs: savedAtMsOf(candidate), step: candidate.step }) ?? {},
        rejected: this.#options.rejected ?? [],
        hurry: pass.deadlineMs !== undefined && !this.#here.holdsFilesOf(candidate),
        compared: this.#here.isCompared,
      });
      if (result.kind === 'abandoned') return result;
      if (result.kind === 'committed') {
        this.#durable = durableOf(this.#options.run, result.manifest);
        // At once, since the next checkpoint may be uploaded while it is still being written.
        this.#growing.copyFrom(result.manifest);
      }
      await this.#remember(complete, result, facts);
      return result;
    } finally {
      this.#uploading = null;
    }
  }

  /** Notes that the candidate is durable, so that no later pass publishes it, or an older one, again. */
  async #remember(
    { candidate, held }: CompleteCandidate,
    { companions, kind }: Exclude<PublishResult, { kind: 'abandoned' }>,
    facts: MovementFacts,
  ): Promise<void> {
    const identity = candidateIdentity(candidate, { companions }, facts.ended !== null);
    this.#here.became(candidate, identity, kind === 'identical');
    this.#here.supersede(lowerAndNotLater(candidate, facts));
    this.#look.published(candidate);
    const taken = new Set([...candidate.files, ...companions].map((file) => file.path));
    const files = held.files.map((file) => file.seen).filter((seen) => taken.has(seen.path));
    await this.#growing.committed(new Map(files.map((seen) => [seen.inode, fingerprintOf(seen)])), candidate.step);
  }

  /** The step in the candidate's name, else the step that the training reported at the time of the save. */
  #stepOf(candidate: Candidate): number | null {
    return candidate.step ?? this.#options.progressStep?.(savedAtMsOf(candidate)) ?? null;
  }

  /** Reads what the bucket has committed, and brings the memory up to date with it. Rejects as the store does. */
  async #readStanding(pass: PassOptions): Promise<Standing> {
    const { rejected = [], run, store } = this.#options;
    const standing = await this.#ledger.read({ store, run, signal: pass.signal });
    const { pointer, manifest } = standing;
    this.#durable = pointer === null || manifest === null ? null : durableOf(run, manifest, pointer.pointer);
    // A checkpoint that a restore found damaged is no source for copies, and even an older step may replace it.
    const isTrusted = pointer !== null && !rejected.includes(pointer.pointer.manifest);
    this.#growing.copyFrom(isTrusted ? manifest : null);
    if (manifest !== null && isTrusted) {
      this.#here.inBucket(manifest);
      this.#look.durable(savedByNode(manifest, this.#options.node));
    }
    this.#knowsBucket = true;
    return standing;
  }

  #publishing(pass: PassOptions, generation: number): Publishing {
    const { store, run, clock, mayPublish } = this.#options;
    return { store, run, clock, mayPublish, generation, signal: pass.signal };
  }

  /** Begins to delete old checkpoints, and waits for that after the workload's end, since no later pass would. */
  async #pruneAfter(pass: PassOptions): Promise<void> {
    const holder = this.#options.mayPublish();
    if (holder === null) return;
    this.#prune.begin(this.#publishing(pass, holder.generation));
    if (pass.ended !== undefined) await this.#prune.settled();
  }
}
