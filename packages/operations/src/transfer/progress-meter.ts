/** How far a transfer is. */
export interface TransferProgress {
  /** Moved, or there from an earlier try. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneFiles: number;
  readonly totalFiles: number;
  /** Over the last ten seconds; null before anything can be told. */
  readonly bytesPerSecond: number | null;
  readonly leftMs: number | null;
}

const WINDOW_MS = 10_000;

/** Amounts, rate and time left of a transfer, from what its parts report. */
export class ProgressMeter {
  readonly #totalBytes: number;
  readonly #totalFiles: number;
  #doneBytes = 0;
  #doneFiles = 0;
  #movedBytes = 0;
  readonly #samples: { readonly atMs: number; readonly movedBytes: number }[] = [];

  constructor(total: { readonly bytes: number; readonly files: number }) {
    this.#totalBytes = total.bytes;
    this.#totalFiles = total.files;
  }

  /** Bytes that an earlier try had brought make no rate. */
  bytes(count: number, how: 'moved' | 'known'): void {
    this.#doneBytes += count;
    if (how === 'moved') this.#movedBytes += count;
  }

  file(): void {
    this.#doneFiles += 1;
  }

  look(nowMs: number): TransferProgress {
    this.#samples.push({ atMs: nowMs, movedBytes: this.#movedBytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0] ?? { atMs: nowMs, movedBytes: 0 };
    const passedMs = nowMs - first.atMs;
    const bytesPerSecond = passedMs === 0 ? null : ((this.#movedBytes - first.movedBytes) / passedMs) * 1000;
    const leftBytes = Math.max(0, this.#totalBytes - this.#doneBytes);
    return {
      doneBytes: this.#doneBytes,
      totalBytes: this.#totalBytes,
      doneFiles: this.#doneFiles,
      totalFiles: this.#totalFiles,
      bytesPerSecond,
      leftMs: bytesPerSecond === null || bytesPerSecond === 0 ? null : (leftBytes / bytesPerSecond) * 1000,
    };
  }
}
