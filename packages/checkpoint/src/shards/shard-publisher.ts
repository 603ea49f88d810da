import { isRunctlError, messageOf, newNonce } from '@runctl/core';
import {
  encodeDocument,
  FORMAT_VERSION,
  type LatestPointer,
  type Manifest,
  type ManifestFile,
  runKeys,
  type Shard,
  shard as shardSchema,
  type ShardRound,
  timestampOf,
} from '@runctl/protocol';
import { isStoreError, Lanes } from '@runctl/store';
import { type BucketAccess, readManifest, readPointer } from '../ledger/commit.ts';
import { FolderLook } from '../look/folder-look.ts';
import { FolderSightings } from '../look/folder-sightings.ts';
import { type CompleteCandidate, inspect } from '../look/inspect.ts';
import { savedAtMsOf } from '../look/plan.ts';
import type {
  CandidateReport,
  DurableCheckpoint,
  PassOptions,
  PassReport,
  Publisher,
  PublisherOptions,
  UploadProgress,
} from '../contract/publisher-port.ts';
import { SingleFlight } from '../publish/single-flight.ts';
import { hashFilesOfKnownSize, uploadFiles } from '../upload/upload-files.ts';
import { withTrackers } from '../upload/trackers.ts';
import { DataPlace } from '../upload/data-places.ts';
import { FileUploads } from '../upload/file-uploads.ts';
import { memoryUploadJournal } from '../upload/upload-journal.ts';
import { movementOf, type MovementFacts } from '../look/movement.ts';
import type { Candidate } from '../contract/recogniser.ts';
import { manifestForNode } from '../ledger/node-files.ts';
import { newestRound } from '../ledger/shard-rounds.ts';

/** Larger files are not read twice to find that they have not changed: their equal parts are found while they are sent. */
const QUICKLY_HASHED_BYTES = 64 * 1024 * 1024;

/** What a node other than 0 does: it answers node 0's rounds with its own files of the step that is asked for. */
export function createShardPublisher(options: PublisherOptions): Publisher {
  const folder = new ShardFolder(options);
  const passes = new SingleFlight({
    clock: options.clock,
    run: (pass: PassOptions) => folder.pass(pass),
    isStillFirst: () => Promise.resolve(true),
    isOvertaken: () => Promise.resolve(false),
  });
  return {
    pass: (pass) => passes.pass(pass),
    hurry: (deadlineMs) => passes.hurry(deadlineMs),
    calm: () => passes.calm(),
    // Which round a growing file will be asked for is not known yet, and its key needs that.
    uploadGrowing: () => Promise.resolve({ active: false, files: 0 }),
    settled: () => Promise.resolve(),
    end: () => folder.end(),
    uploads: () => folder.uploads(),
    durable: () => folder.durable(),
  };
}

class ShardFolder {
  readonly #options: PublisherOptions;
  readonly #sightings: FolderSightings;
  readonly #look: FolderLook;
  readonly #uploads: FileUploads;
  readonly #progress = new Map<string, UploadProgress>();
  /** Nonces of rounds that need nothing more of this node. */
  readonly #answered = new Set<string>();
  #standing: { readonly pointer: LatestPointer; readonly manifest: Manifest | null } | null = null;

  constructor(options: PublisherOptions) {
    const { clock } = options;
    this.#options = options;
    this.#sightings = new FolderSightings(options);
    this.#look = new FolderLook(options, this.#sightings);
    const lanes = options.lanes ?? new Lanes({ clock });
    this.#uploads = new FileUploads({ ...options, lanes, journal: memoryUploadJournal() });
  }

  /** What was sent for a round that is over is in nobody's way: the holder deletes it. */
  async end(): Promise<void> {
    await Promise.all(this.#uploads.all().map((upload) => this.#uploads.drop(upload)));
  }

  uploads(): readonly UploadProgress[] {
    return Array.from(this.#progress.values());
  }

  durable(): DurableCheckpoint | null {
    if (this.#standing === null) return null;
    const { pointer, manifest } = this.#standing;
    const { step, at } = pointer;
    return { manifest: pointer.manifest, step, savedAt: manifest?.savedAt ?? at, at };
  }

  async pass(pass: PassOptions): Promise<PassReport> {
    const candidates: CandidateReport[] = [];
    const report = (rest: Partial<PassReport>): PassReport => ({
      published: null,
      notDurable: [],
      passedOver: [],
      refused: null,
      unsettled: false,
      error: null,
      ...rest,
      candidates,
      durable: this.durable(),
    });
    try {
      const holder = this.#options.mayPublish();
      if (holder === null) return report({ refused: 'not-holder' });
      const access = this.#access(pass);
      await this.#readStanding(access);
      const round = await newestRound(access, holder.generation, this.#answered);
      const found = await this.#look.candidates(pass.ended ?? null);
      if (round !== null) candidates.push(await this.#answer(round, found, access));
      const waiting = found.candidates.filter((candidate) => this.#isAhead(candidate));
      const notDurable = waiting.map(({ entry }) => `${entry}: waits for node 0 and the other machines`);
      return report({ unsettled: waiting.length > 0, notDurable, passedOver: found.passedOver });
    } catch (error) {
      return report({ error });
    }
  }

  #access(pass: PassOptions): BucketAccess {
    const { store, run } = this.#options;
    return { store, run, signal: pass.signal };
  }

  async #readStanding(access: BucketAccess): Promise<void> {
    const pointer = (await readPointer(access))?.pointer ?? null;
    if (pointer === null || pointer.manifest === this.#standing?.pointer.manifest) return;
    const manifest = await readManifest(access, pointer.manifest).catch((error: unknown) => {
      if (isRunctlError(error, 'internal')) return null;
      throw error;
    });
    this.#standing = { pointer, manifest };
  }

  /** What the durable checkpoint does not hold yet, as far as steps tell. */
  #isAhead(candidate: Candidate): boolean {
    const step = this.#stepOf(candidate);
    return step !== null && step > (this.#standing?.pointer.step ?? -1);
  }

  #stepOf(candidate: Candidate): number | null {
    return candidate.step ?? this.#options.progressStep?.(savedAtMsOf(candidate)) ?? null;
  }

  async #answer(
    round: ShardRound,
    { candidates, facts }: { readonly candidates: readonly Candidate[]; readonly facts: MovementFacts },
    access: BucketAccess,
  ): Promise<CandidateReport> {
    const candidate = candidates.find((each) => this.#stepOf(each) === round.step);
    if (candidate === undefined) return this.#lacking(round, candidates, access);
    const { entry } = candidate;
    const moving = movementOf(candidate, facts);
    const complete =
      moving === null
        ? await inspect(candidate, { ...this.#options, facts, sightings: this.#sightings })
        : { why: moving };
    if ('why' in complete) return { entry, step: round.step, complete: false, why: complete.why };
    await using held = complete;
    const problem = await this.#deliver(round, held, access);
    return { entry, step: round.step, complete: problem === null, why: problem ?? held.evidence };
  }

  #before(): Manifest | null {
    const manifest = this.#standing?.manifest ?? null;
    if (manifest === null || (this.#options.rejected ?? []).includes(this.#standing?.pointer.manifest ?? ''))
      return null;
    return manifestForNode(manifest, this.#options.node);
  }

  /** A node that has gone on to a later step without this one says so, so that nobody waits for it. */
  async #lacking(round: ShardRound, candidates: readonly Candidate[], access: BucketAccess): Promise<CandidateReport> {
    const why = `node 0 asks for step ${round.step}, which is not here`;
    const later = candidates.map((candidate) => this.#stepOf(candidate) ?? 0).find((step) => step > round.step);
    if (later !== undefined) {
      const savedAt = timestampOf(this.#options.clock.wallMs());
      const declined = `it has step ${later} and no step ${round.step} any more`;
      await this.#write({ ...this.#answerTo(round), evidence: '', declined, files: [], savedAt }, access);
      this.#answered.add(round.nonce);
    }
    return { entry: '.', step: round.step, complete: false, why };
  }

  /** Uploads this node's files and says so to node 0. Null, or why not. */
  async #deliver(round: ShardRound, complete: CompleteCandidate, access: BucketAccess): Promise<string | null> {
    const { candidate, held, evidence } = complete;
    const files = await this.#send(round, complete, access);
    const changed = await held.changed();
    const moved = candidate.files.find((file) => changed.has(file.path));
    if (moved !== undefined) return `${moved.path} changed while it was uploaded`;
    const { log, mayPublish, node } = this.#options;
    if (mayPublish()?.generation !== round.generation) return 'this machine is not of that generation';
    const unchanged = files.filter((file) => !changed.has(file.path));
    // Never moved or dropped from here on: an answer that seems not to be written may be, and a manifest may name them.
    await Promise.all(this.#uploads.all().map((upload) => this.#uploads.release(upload)));
    const savedAt = timestampOf(savedAtMsOf(candidate));
    await this.#write({ ...this.#answerTo(round), evidence, declined: null, files: unchanged, savedAt }, access);
    this.#answered.add(round.nonce);
    this.#look.notePublished(candidate);
    log.info({ node, step: round.step, seq: round.seq }, 'files delivered to node 0');
    return null;
  }

  async #send(
    round: ShardRound,
    { candidate, companions, held }: CompleteCandidate,
    access: BucketAccess,
  ): Promise<readonly ManifestFile[]> {
    const along = new Set([...candidate.files, ...companions].map((file) => file.path));
    const files = held.files.filter((file) => along.has(file.version.path));
    const before = this.#before();
    const shared = { known: this.#sightings, uploads: this.#uploads };
    await hashFilesOfKnownSize(files, before, { ...shared, signal: access.signal, atMostBytes: QUICKLY_HASHED_BYTES });
    // A folder of its own, since other nodes may have files of the same path.
    const folder = runKeys(this.#options.run).dataFolder(round, newNonce());
    const place = new DataPlace({ order: round, folder, step: round.step });
    const optional = new Set(companions.map((file) => file.path));
    const options = { ...access, ...shared, place, before, optional, progress: this.#progress };
    return withTrackers(await uploadFiles(files, options), candidate.trackers ?? [], options);
  }

  #answerTo({ generation, seq, nonce, step }: ShardRound) {
    const { node, clock } = this.#options;
    return { version: FORMAT_VERSION, generation, seq, nonce, step, node, at: timestampOf(clock.wallMs()) } as const;
  }

  /** An answer that is there already is as good: one of this node's lives wrote it, after its bytes. */
  async #write(document: Shard, { store, signal }: BucketAccess): Promise<void> {
    const key = runKeys(this.#options.run).shard(document, document.nonce, document.node);
    try {
      await store.put(key, encodeDocument(shardSchema, document), { when: { absent: true }, signal });
    } catch (error) {
      if (!isStoreError(error, 'precondition')) throw new Error(`not delivered: ${messageOf(error)}`, { cause: error });
    }
  }
}
