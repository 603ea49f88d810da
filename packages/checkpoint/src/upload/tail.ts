import { type Clock, type Log, messageOf } from '@runctl/core';
import { isStoreError } from '@runctl/store';
import type { FileSeen, OpenWriters } from '../contract/recogniser.ts';
import type { FolderSightings } from '../look/folder-sightings.ts';
import type { Sighting } from '../look/sightings.ts';
import type { GrowingLook } from '../contract/publisher-port.ts';
import type { PlaceRequest, DataPlaces } from './data-places.ts';
import type { FileUpload } from './file-upload.ts';
import type { FileUploads } from './file-uploads.ts';
import { chooseGrowing, type GrowthLimits, stepFreeName, likelyStep } from './growth.ts';

export interface TailOptions {
  readonly sightings: FolderSightings;
  readonly clock: Clock;
  readonly log: Log;
  readonly uploads: FileUploads;
  readonly places: DataPlaces;
  readonly openWriters: OpenWriters;
  /** Where places are set aside; null while this machine may not publish. */
  readonly request: (signal: AbortSignal) => Omit<PlaceRequest, 'step'> | null;
}

const LIMITS: Omit<GrowthLimits, 'leastBytes'> = { freshMs: 5000, mostGrowing: 8, mostWasted: 2 };
/**
 * After this stillness, or once it is closed, the last, short part goes too, and every part is compared once more; doubled each
 * time in vain.
 */
const STILL_MS = 150;
const MOST_DOUBLINGS = 8;
/** Of files that were still for this long nobody made a checkpoint. */
const FORGOTTEN_MS = 600_000;
const MOST_UPLOADS = 64;

/** What is known about an upload beside its bytes. */
interface Feeding {
  /** Fingerprint at which it was taken for complete. */
  endedAs: string | null;
  /** Fingerprint at which all of it was sent, and what was sent before was compared. */
  comparedAs: string | null;
  /** How often it went on after it was taken for complete. */
  wentOn: number;
  running: boolean;
}

/**
 * Uploads files part by part while they grow, so that little is left when they are complete. Nothing here counts: what is
 * sent too early, or for nothing, is found out by the pass that publishes, or given up.
 */
export class TailUploads {
  readonly #options: TailOptions;
  readonly #feeding = new Map<FileUpload, Feeding>();
  readonly #wasted = new Map<string, number>();
  readonly #durable = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /**
   * One look: begins with files that have begun to grow and goes on with the others; what it starts goes on behind it, until
   * the signal fires. Rejects with errors of the file system alone.
   */
  async lookOnce(signal: AbortSignal): Promise<GrowingLook> {
    const { sightings, uploads } = this.#options;
    const { nowMs } = await sightings.look();
    const growths = sightings.byInode();
    await this.#beginNew(Array.from(growths.values()), signal);
    await this.#giveUp(growths, nowMs);
    let active = false;
    for (const upload of uploads.all()) {
      const growth = growths.get(upload.inode);
      if (growth === undefined || upload.object !== null) continue;
      upload.path = growth.file.path;
      upload.sizeBytes = growth.file.sizeBytes;
      active ||= nowMs - growth.contentSinceMs <= LIMITS.freshMs;
      this.#goOn(upload, growth, signal);
    }
    return { active, files: growths.size };
  }

  /** Resolves when nothing that a look has started is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Of a checkpoint that is committed now: its files by inode and fingerprint, and its step. */
  async committed(files: ReadonlyMap<string, string>, step: number | null): Promise<void> {
    const { uploads } = this.#options;
    this.#durable.clear();
    for (const fingerprint of files.values()) this.#durable.add(fingerprint);
    for (const upload of uploads.all()) {
      if (files.has(upload.inode)) {
        this.#wasted.delete(stepFreeName(upload.path));
        this.#feeding.delete(upload);
        await uploads.release(upload);
      } else if (step !== null && (upload.place.step ?? step) < step) await this.#waste(upload);
    }
  }

  isGrowing({ inode }: FileUpload): boolean {
    const growth = this.#options.sightings.ofInode(inode);
    return growth !== null && this.#options.clock.monotonicMs() - growth.contentSinceMs <= LIMITS.freshMs;
  }

  /** Stops all but those that `keep` names at once; what stands of them in the store is given up behind it. */
  stopAllBut(keep: (upload: FileUpload) => boolean): void {
    const done: Promise<void> = this.giveUpAllBut(keep).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Gives up all but those that `keep` names. */
  async giveUpAllBut(keep: (upload: FileUpload) => boolean): Promise<void> {
    const others = this.#options.uploads.all().filter((upload) => !upload.held && !keep(upload));
    for (const upload of others) upload.stop.abort(new Error('something newer goes first'));
    await Promise.all(others.map((upload) => this.#waste(upload)));
  }

  async #beginNew(growths: readonly Sighting[], signal: AbortSignal): Promise<void> {
    const { clock, log, places, uploads } = this.#options;
    const request = this.#options.request(signal);
    if (request === null) return;
    const uploading = new Set(uploads.all().map((upload) => upload.inode));
    const facts = { nowMs: clock.monotonicMs(), uploading, durable: this.#durable, wasted: this.#wasted };
    for (const version of chooseGrowing(growths, facts, {
      ...LIMITS,
      leastBytes: this.#options.uploads.gridOf(0).partSizeBytes,
    })) {
      if (uploads.all().length >= MOST_UPLOADS) return;
      try {
        const place = await places.forGrowing({ ...request, step: likelyStep(version.path) });
        if (uploads.of(version.inode) === null) await uploads.begin(version, place);
      } catch (error) {
        log.debug({ error: messageOf(error), path: version.path }, 'not uploaded while it grows');
        return;
      }
    }
  }

  /** Files that are gone, or that nobody wants. */
  async #giveUp(growths: ReadonlyMap<string, Sighting>, nowMs: number): Promise<void> {
    const { uploads } = this.#options;
    for (const upload of uploads.all()) {
      if (upload.held) continue;
      const growth = growths.get(upload.inode);
      const links = await upload.file.stat().then(
        (stats) => stats.nlink,
        () => 0,
      );
      const forgotten = growth !== undefined && nowMs - growth.contentSinceMs > FORGOTTEN_MS;
      // A file that outgrows 10,000 parts needs larger ones, and nothing of what was sent fits in with them.
      const outgrown =
        growth !== undefined &&
        this.#options.uploads.gridOf(growth.file.sizeBytes).partSizeBytes !== upload.parts.partSizeBytes;
      // A pass may have taken it for its checkpoint while the file was looked at.
      if (upload.held) continue;
      if (links === 0 || forgotten || outgrown) await this.#waste(upload);
    }
  }

  async #waste(upload: FileUpload): Promise<void> {
    if (upload.parts.sentBytes > 0) {
      const kind = stepFreeName(upload.path);
      this.#wasted.set(kind, (this.#wasted.get(kind) ?? 0) + 1);
    }
    this.#feeding.delete(upload);
    await this.#options.uploads.drop(upload);
  }

  #goOn(upload: FileUpload, growth: Sighting, signal: AbortSignal): void {
    const feeding = this.#feeding.get(upload) ?? { endedAs: null, comparedAs: null, wentOn: 0, running: false };
    this.#feeding.set(upload, feeding);
    if (feeding.running) return;
    feeding.running = true;
    const done: Promise<void> = this.#feed(upload, growth, { feeding, signal })
      .catch((error: unknown) => this.#failed(upload, error, signal))
      .finally(() => {
        feeding.running = false;
        this.#underWay.delete(done);
      });
    this.#underWay.add(done);
  }

  async #feed(
    upload: FileUpload,
    { file, fingerprint, contentSinceMs }: Sighting,
    { feeding, signal }: { readonly feeding: Feeding; readonly signal: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#options;
    if (feeding.endedAs !== null && feeding.endedAs !== fingerprint) {
      feeding.endedAs = null;
      feeding.wentOn = Math.min(MOST_DOUBLINGS, feeding.wentOn + 1);
    }
    const quietMs = clock.monotonicMs() - contentSinceMs;
    const still = quietMs >= STILL_MS * 2 ** feeding.wentOn || (quietMs > 0 && (await this.#isClosed(file)));
    if (!still) return upload.feed({ ahead: true, whole: false, checkAs: null, signal });
    feeding.endedAs = fingerprint;
    if (feeding.comparedAs === fingerprint) return;
    await upload.feed({ ahead: true, whole: true, checkAs: fingerprint, signal });
    feeding.comparedAs = fingerprint;
  }

  async #isClosed(version: FileSeen): Promise<boolean> {
    const writers = await this.#options.openWriters.among([version]);
    return writers !== null && !writers.has(version.inode);
  }

  async #failed(upload: FileUpload, error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted || upload.stop.signal.aborted) return;
    this.#options.log.debug(
      { error: messageOf(error), path: upload.path },
      'an upload of a growing file stopped short',
    );
    // Of one that a pass has taken over, the pass decides what comes next.
    if (!upload.held && isStoreError(error, 'missing', 'denied', 'permanent')) await this.#waste(upload);
  }
}
