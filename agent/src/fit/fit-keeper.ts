import type { UploadProgress } from '@runctl/checkpoint';
import type { Fit, Manifest, RunSpec } from '@runctl/protocol';
import { flushTime, killTime } from '../lifecycle/deadlines.ts';
import { attemptPolicy } from '../lifecycle/windows.ts';
import { estimateFit } from './estimate.ts';
import { saveSpanMs } from './save-span.ts';
import type { StopHistory } from './stop-history.ts';

const REMEMBERED = 5;

/** Gathers what is measured of saves, uploads and stops, and says whether a last save would fit. */
export class FitKeeper {
  readonly #folder: string;
  readonly #limits: { readonly usableMs: number; readonly saveLimitMs: number };
  #history: StopHistory = { stops: [], ranMs: 0 };
  #savesMs: readonly number[] = [];
  #uploadsMs: readonly number[] = [];
  #intervalsMs: readonly number[] = [];
  #savedAtMs: number | null = null;
  #sizeBytes: number | null = null;
  /** Monotonic, when something was first seen on its way. */
  #uploadingSinceMs: number | null = null;

  /** `folder` is where the script saves. */
  constructor(folder: string, spec: Pick<RunSpec, 'timing' | 'policy'>) {
    this.#folder = folder;
    this.#limits = noticeLimits(spec);
  }

  /** How earlier lives of the run were stopped. */
  recall(history: StopHistory): void {
    this.#history = history;
  }

  /** A checkpoint has just become durable. `runningSinceMs` is the wall time since when the workload may have written. */
  async published(manifest: Manifest, runningSinceMs: number): Promise<void> {
    const savedAtMs = Date.parse(manifest.savedAt);
    const before = this.#savedAtMs;
    this.#savedAtMs = savedAtMs;
    this.#uploadingSinceMs = null;
    this.#sizeBytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (savedAtMs < runningSinceMs) return;
    this.#uploadsMs = remember(this.#uploadsMs, Math.max(0, Date.parse(manifest.at) - savedAtMs));
    if (before !== null && savedAtMs > before) this.#intervalsMs = remember(this.#intervalsMs, savedAtMs - before);
    const spanMs = await saveSpanMs(this.#folder, manifest, Math.max(before ?? 0, runningSinceMs));
    if (spanMs !== null) this.#savesMs = remember(this.#savesMs, spanMs);
  }

  estimate(nowMs: number, uploads: readonly UploadProgress[]): Fit {
    this.#uploadingSinceMs = uploads.length === 0 ? null : (this.#uploadingSinceMs ?? nowMs);
    return estimateFit({
      ...this.#limits,
      ...this.#history,
      savesMs: this.#savesMs,
      uploadsMs: this.#uploadsMs,
      uploadingForMs: this.#uploadingSinceMs === null ? null : nowMs - this.#uploadingSinceMs,
      sizeBytes: this.#sizeBytes,
      intervalsMs: this.#intervalsMs,
    });
  }
}

const remember = (values: readonly number[], value: number): readonly number[] => [...values, value].slice(-REMEMBERED);

/** What a whole notice leaves to the script and to its upload, by the rules that decide it when one comes. */
function noticeLimits(spec: Pick<RunSpec, 'timing' | 'policy'>) {
  const { timing, policy } = spec;
  const moment = { nowMs: 0, policy: attemptPolicy(spec) };
  const haltAtMs = Math.max(0, timing.noticeMs - timing.deadlineMarginMs);
  const request = { cause: 'notice', haltAtMs, graceMs: policy.graceMs } as const;
  return { usableMs: flushTime(haltAtMs, moment), saveLimitMs: killTime(request, moment) };
}
