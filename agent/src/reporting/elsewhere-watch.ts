import { elsewhereText, isPassedOver, type WrittenFile } from '@runctl/checkpoint';
import type { Clock, Log } from '@runctl/core';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { LifeEvents } from './life-events.ts';
import type { LifeState } from './life-state.ts';

export interface ElsewhereParts {
  /** Absolute. `output` is null where the run keeps no folder besides its checkpoints. */
  readonly folders: { readonly code: string; readonly checkpoint: string; readonly output: string | null };
  /** Of the workload's user. */
  readonly home: string;
  readonly life: Pick<LifeState, 'warn'>;
  readonly events: Pick<LifeEvents, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Period of the looks. */
  readonly everyMs: number;
}

const MOST_ENTRIES = 10_000;

/** Finds what a running script writes outside the folders that are kept, and says so once while there is time to mend it. */
export class ElsewhereWatch {
  readonly #parts: ElsewhereParts;
  #sinceMs = Number.POSITIVE_INFINITY;
  #running: AbortController | null = null;
  #isReported = false;

  constructor(parts: ElsewhereParts) {
    this.#parts = parts;
  }

  /** The script is about to be started, or has been, at this wall time: what is older is none of its own. */
  startsAt(wallMs: number): void {
    this.#sinceMs = Math.min(this.#sinceMs, wallMs);
  }

  /** Begins to look beside a workload that runs. */
  begin(): void {
    this.stop();
    const abort = new AbortController();
    this.#running = abort;
    this.#lookOn(abort.signal).catch(() => {});
  }

  stop(): void {
    this.#running?.abort();
  }

  /** What is there at the end, for people; also small files that are called as models are. Null for nothing. Never rejects. */
  async atEnd(): Promise<string | null> {
    this.stop();
    if (this.#sinceMs === Number.POSITIVE_INFINITY) return null;
    return elsewhereText(await this.#written(), { besideModels: true });
  }

  async #lookOn(signal: AbortSignal): Promise<void> {
    const { clock, events, everyMs, life, log } = this.#parts;
    while (!this.#isReported) {
      await clock.sleep(everyMs, signal);
      const text = elsewhereText(await this.#written(), { besideModels: false });
      if (text === null || signal.aborted) continue;
      this.#isReported = true;
      log.warn({ text }, 'written outside of what is kept');
      life.warn(text);
      await events.append({ kind: 'written-elsewhere', message: text });
    }
  }

  async #written(): Promise<readonly WrittenFile[]> {
    const { folders, home } = this.#parts;
    const found = new Map<string, WrittenFile>();
    const left = { entries: MOST_ENTRIES };
    // The project may lie in the home: it comes first, so that a full home hides nothing of it.
    for (const root of [folders.code, home]) await this.#walk(root, found, left);
    return [...found.values()];
  }

  async #walk(folder: string, found: Map<string, WrittenFile>, left: { entries: number }): Promise<void> {
    const { folders } = this.#parts;
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      left.entries -= 1;
      if (left.entries < 0) return;
      const isKept = path === folders.checkpoint || path === folders.output;
      if (isPassedOver(entry.name) || isKept || found.has(path)) continue;
      if (entry.isDirectory() && path !== folders.code) await this.#walk(path, found, left);
      if (entry.isFile()) await this.#note(path, found);
    }
  }

  /** A copy or an unpacked archive may bear an old time of writing: the inode's own tells when it came here. */
  async #note(path: string, found: Map<string, WrittenFile>): Promise<void> {
    const { folders, home } = this.#parts;
    const info = await lstat(path).catch(() => null);
    if (info === null || info.ctimeMs < this.#sinceMs) return;
    const inProject = relative(folders.code, path);
    const shown = inProject.startsWith('..') ? `~/${relative(home, path)}` : inProject;
    found.set(path, { path: shown, sizeBytes: info.size });
  }
}
