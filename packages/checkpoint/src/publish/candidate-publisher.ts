import { messageOf } from '@runctl/core';
import { defaultRetention, type Manifest, type ManifestFile, runKeys } from '@runctl/protocol';
import type { MovementFacts } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import { fingerprintOf } from '../look/scan.ts';
import { PublishingRefused, type Publishing } from '../ledger/commit.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import { type Standing, trustedManifest } from '../ledger/ledger.ts';
import { filesOf, candidateIdentity, lowerAndNotLater, savedAtMsOf } from '../look/plan.ts';
import { leftBehindOf, savesOf } from '../ledger/left-behind.ts';
import { manifestChain } from '../ledger/manifest-chain.ts';
import { publishCandidate, type PublishResult } from './publish-candidate.ts';
import type { PassOptions, PublisherOptions } from '../contract/publisher-port.ts';
import { manifestForNode, savedByNode } from '../ledger/node-files.ts';
import type { FolderMemory } from './folder-memory.ts';

/** Default of `gatherMs`: covers machines that save at different speeds, and is bearable when one of them is gone. */
const GATHER_MS = 600_000;

/** Publishes complete candidates one at a time, and notes in the folder's memory what became durable. */
export class CandidatePublisher {
  readonly #options: PublisherOptions;
  readonly #memory: FolderMemory;
  #uploading: string | null = null;

  constructor(options: PublisherOptions, memory: FolderMemory) {
    this.#options = options;
    this.#memory = memory;
  }

  /** The candidate that is being published, by its own files; null when none is. */
  get uploading(): string | null {
    return this.#uploading;
  }

  /** Publishes a complete candidate in the generation that this machine holds. Rejects as `publishCandidate` does. */
  async publish(complete: CompleteCandidate, facts: MovementFacts, pass: PassOptions): Promise<PublishResult> {
    const { candidate, held } = complete;
    const holder = this.#options.mayPublish();
    if (holder === null) throw new PublishingRefused('not-holder');
    const standing = await this.readStanding(pass);
    const publishing = this.access(pass, holder.generation);
    await this.#memory.growing.resume(publishing);
    this.#uploading = filesOf(candidate);
    using _ = this.#memory.growing.hold(held);
    try {
      const result = await publishCandidate(complete, {
        ...publishing,
        ...this.#stagesOf(candidate, { facts, standing, pass }),
      });
      if (result.kind === 'abandoned') return result;
      if (result.kind === 'committed') {
        this.#memory.durable.noteCommitted(result.manifest);
        this.#memory.look.saves.note(runKeys(this.#options.run).manifest(result.manifest), result.manifest);
        // At once, since the next checkpoint may be uploaded while it is still being written.
        this.#memory.growing.copyFrom(result.manifest);
      }
      await this.#remember(complete, result, facts);
      return result;
    } catch (error) {
      this.#memory.durable.forgetBucket();
      throw error;
    } finally {
      this.#uploading = null;
    }
  }

  #stagesOf(
    candidate: Candidate,
    {
      facts,
      standing,
      pass,
    }: { readonly facts: MovementFacts; readonly standing: Standing; readonly pass: PassOptions },
  ) {
    const { gatherMs = GATHER_MS, log, node, nodes = 1, progressMetrics, rejected = [] } = this.#options;
    const { best } = this.#options.keep ?? defaultRetention;
    const { saves } = this.#memory.look;
    const step = this.stepOf(candidate);
    const metrics = progressMetrics?.({ wallMs: savedAtMsOf(candidate), step: candidate.step }) ?? {};
    const trusted = this.#trusted(standing);
    return {
      log,
      ledger: this.#memory.ledger,
      standing,
      before: trusted === null ? null : manifestForNode(trusted, node),
      known: this.#memory.sightings,
      places: this.#memory.growing.places,
      uploads: this.#memory.growing.uploads,
      progress: this.#memory.growing.passProgress,
      nodes: { node, count: nodes, gatherMs },
      step,
      metrics,
      ownRetention: saves.ownRetention,
      companions: () =>
        saves.name([
          ...saves.earlierOf(candidate, facts.candidates ?? []),
          ...(best === null ? [] : [saves.bestBefore({ step, metrics }, best, rejected)]).filter((key) => key !== null),
        ]),
      leftBehind: (files: readonly ManifestFile[], companions: readonly string[]) => {
        const earlier = companions.map((key) => saves.manifestOf(key)).filter((each) => each !== null);
        const restored = [...files, ...earlier.flatMap(savesOf)].map(({ path }) => path);
        return leftBehindOf(this.#memory.look.paths, new Set(restored));
      },
      hurry: pass.deadlineMs !== undefined && !this.#memory.durable.holdsFilesOf(candidate),
      compared: this.#memory.durable.isCompared,
    };
  }

  /** Notes that the candidate is durable, so that no later pass publishes it, or an older one, again. */
  async #remember(
    { apart, candidate, held }: CompleteCandidate,
    { companions, kind }: Exclude<PublishResult, { kind: 'abandoned' }>,
    facts: MovementFacts,
  ): Promise<void> {
    const identity = candidateIdentity(candidate, { apart, companions }, facts.ended !== null);
    const beside = facts.candidates ?? [];
    this.#memory.durable.noteDurable(candidate, identity, { isIdentical: kind === 'identical', beside });
    this.#memory.durable.supersede(lowerAndNotLater(candidate, facts));
    this.#memory.look.notePublished(candidate);
    const taken = new Set([...candidate.files, ...companions].map((file) => file.path));
    const files = held.files.map((file) => file.version).filter((version) => taken.has(version.path));
    await this.#memory.growing.committed(
      new Map(files.map((version) => [version.inode, fingerprintOf(version)])),
      candidate.step,
    );
  }

  /** The step in the candidate's name, else the step that the training reported at the time of the save. */
  stepOf(candidate: Candidate): number | null {
    return candidate.step ?? this.#options.progressStep?.(savedAtMsOf(candidate)) ?? null;
  }

  /** Reads what the bucket has committed, and brings the memory up to date with it. Rejects as the store does. */
  async readStanding(pass: PassOptions): Promise<Standing> {
    const { node, run, store } = this.#options;
    const standing = await this.#memory.ledger.read({ store, run, signal: pass.signal });
    // A checkpoint that a restore found damaged is no source for copies, and even an older step may replace it.
    const trusted = this.#trusted(standing);
    this.#memory.growing.copyFrom(trusted);
    this.#memory.durable.noteBucket(standing, trusted);
    if (trusted !== null) this.#memory.look.noteDurable(savedByNode(trusted, node));
    await this.#noteSaves(standing, pass).catch((error: unknown) => {
      pass.signal.throwIfAborted();
      this.#options.log.warn(
        { error: messageOf(error) },
        'earlier saves are not named until the list of them can be read',
      );
    });
    return standing;
  }

  /** Notes what the bucket holds of the run: all of it once where later checkpoints may name earlier ones. */
  async #noteSaves({ pointer, manifest }: Standing, pass: PassOptions): Promise<void> {
    const { saves } = this.#memory.look;
    if (pointer !== null && manifest !== null) saves.note(pointer.pointer.manifest, manifest);
    const { best } = this.#options.keep ?? defaultRetention;
    // Before a deadline the bytes come first.
    if (pass.deadlineMs !== undefined || saves.isComplete || (best === null && !saves.areNeeded)) return;
    const { node, store, run } = this.#options;
    const found = new Map<string, Manifest>();
    await saves.noteAll(async () => {
      for await (const link of (await manifestChain({ store, run, signal: pass.signal })).links)
        if (link.manifest !== null) found.set(link.key, link.manifest);
      return new Map(Array.from(found).toReversed());
    });
    for (const manifest of found.values()) this.#memory.look.noteSaved(manifestForNode(manifest, node));
  }

  #trusted(standing: Standing): Manifest | null {
    return trustedManifest(standing, this.#options.rejected ?? []);
  }

  /** The access to the bucket with which this machine publishes in `generation`. */
  access(pass: PassOptions, generation: number): Publishing {
    const { store, run, clock, mayPublish } = this.#options;
    return { store, run, clock, mayPublish, generation, signal: pass.signal };
  }
}
