import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** How the sink behaves; changed while it runs. */
export interface SinkBehaviour {
  /** Pause before each answer. */
  readonly latencyMs: number;
  /** Of all that comes in, over all connections; null: as fast as it comes. */
  readonly bytesPerSecond: number | null;
  /** Share of uploads that are answered 503, after their bytes have come. */
  readonly failShare: number;
  /** Computes CRC-32 and SHA-256 of what comes: refuses a wrong CRC, tells the digests. Costs time, so untimed runs only. */
  readonly verify: boolean;
}

export const plainBehaviour: SinkBehaviour = { latencyMs: 0, bytesPerSecond: null, failShare: 0, verify: false };

export interface SinkPart {
  readonly partNumber: number;
  readonly sizeBytes: number;
  readonly crc32: string | null;
  /** Hex; only where the sink verifies. */
  readonly sha256: string | null;
  readonly copied: boolean;
}

export interface SinkObject {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly parts: readonly SinkPart[];
  /** What a GET sends: a file, or bytes that were kept because they are few. */
  readonly source: { readonly path: string } | { readonly bytes: Buffer } | null;
  readonly completedAtMs: number;
}

export interface SinkStats {
  readonly requests: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly copiedBytes: number;
  readonly failuresInjected: number;
  /** Uploads whose CRC header did not fit their bytes. */
  readonly wrongCrcs: number;
  /** CRC headers that were checked. */
  readonly crcsChecked: number;
  /** Epoch ms when the newest byte of an object or part of at least 1 MiB came. */
  readonly lastDataAtMs: number;
  readonly openUploads: number;
  readonly objects: number;
  /** Of the sink's own process, user and system, since the last reset. */
  readonly cpuMs: number;
}

export interface Upload {
  readonly key: string;
  readonly parts: Map<number, SinkPart>;
}

/** Everything the sink knows. */
export class SinkState {
  behaviour: SinkBehaviour = plainBehaviour;
  readonly objects = new Map<string, SinkObject>();
  readonly uploads = new Map<string, Upload>();
  requests: Record<string, number> = {};
  connections = 0;
  bytesIn = 0;
  bytesOut = 0;
  copiedBytes = 0;
  failuresInjected = 0;
  wrongCrcs = 0;
  crcsChecked = 0;
  lastDataAtMs = 0;
  #cpuBefore = process.cpuUsage();
  #sorted: readonly string[] = [];
  #nextId = 1;
  #freeAtMs = 0;

  /** Sorted once as long as no object comes or goes: clients that list a folder at a time ask often. */
  sortedKeys(): readonly string[] {
    if (this.#sorted.length !== this.objects.size || !this.#sorted.every((key) => this.objects.has(key)))
      this.#sorted = [...this.objects.keys()].sort();
    return this.#sorted;
  }

  count(what: string): void {
    this.requests[what] = (this.requests[what] ?? 0) + 1;
  }

  id(): string {
    return String(this.#nextId++).padStart(32, '0');
  }

  /** Takes bytes out of the allowed rate; returns how long their sender has to wait. */
  paceMs(bytes: number): number {
    const { bytesPerSecond } = this.behaviour;
    if (bytesPerSecond === null) return 0;
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs - 20) + (bytes / bytesPerSecond) * 1000;
    return this.#freeAtMs - nowMs;
  }

  stats(): SinkStats {
    const { requests, connections, bytesIn, bytesOut, copiedBytes, failuresInjected } = this;
    const { wrongCrcs, crcsChecked, lastDataAtMs } = this;
    const counts = { requests, connections, bytesIn, bytesOut, copiedBytes, failuresInjected, wrongCrcs, crcsChecked };
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return {
      ...counts,
      cpuMs: (user + system) / 1000,
      lastDataAtMs,
      openUploads: this.uploads.size,
      objects: this.objects.size,
    };
  }

  /** Forgets what was counted and, unless they are to stay, all objects. */
  reset({ keepObjects }: { readonly keepObjects: boolean }): void {
    this.requests = {};
    this.#cpuBefore = process.cpuUsage();
    this.connections = 0;
    this.bytesIn = this.bytesOut = this.copiedBytes = this.failuresInjected = 0;
    this.wrongCrcs = this.crcsChecked = this.lastDataAtMs = 0;
    this.uploads.clear();
    if (!keepObjects) this.objects.clear();
  }
}

/** Digests of one body as it comes. */
export class BodyDigest {
  #crc = 0;
  readonly #sha256: Hash = createHash('sha256');

  update(chunk: Uint8Array): void {
    this.#crc = crc32(chunk, this.#crc);
    this.#sha256.update(chunk);
  }

  crc32(): string {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(this.#crc >>> 0);
    return bytes.toString('base64');
  }

  sha256(): string {
    return this.#sha256.digest('hex');
  }
}
