import { readdir, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { elsewhereText, isPassedOver } from '@runctl/checkpoint';
import type { Clock } from '@runctl/core';

export interface ElsewhereOptions {
  readonly clock: Clock;
  /** Homes of the machines that there are now, as paths on this computer. */
  readonly homes: () => Promise<readonly string[]>;
  /** What the project's folder is called in a home. */
  readonly projectName: string;
  /** Paths that came from the laptop, relative to the project. */
  readonly sent: ReadonlySet<string>;
  /** As the user named it: relative to the project, or absolute. */
  readonly checkpointDir: string;
  /** The same; undefined where the run keeps no other folder. */
  readonly outputDir: string | undefined;
}

const EVERY_MS = 1000;
const MOST_ENTRIES = 10_000;

/** Watches what a script writes into its project or home outside the checkpoint folder: that is gone with its machine. */
export class WrittenElsewhere {
  readonly #options: ElsewhereOptions;
  readonly #sizes = new Map<string, number>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ElsewhereOptions) {
    this.#options = options;
  }

  /** Looks once a second at most, since a machine that has ended takes its files along. Never rejects. */
  async look(): Promise<void> {
    const { clock, homes } = this.#options;
    if (clock.monotonicMs() - this.#lookedAtMs < EVERY_MS) return;
    this.#lookedAtMs = clock.monotonicMs();
    for (const home of await homes().catch(() => [])) await this.#walk(home, '', { entries: MOST_ENTRIES });
  }

  /** The largest file that looks like what a training is for, and what to do about it; null for none. */
  advice(): string | null {
    const files = [...this.#sizes].map(([path, sizeBytes]) => ({ path, sizeBytes }));
    return elsewhereText(files, { besideModels: true });
  }

  async #walk(home: string, folder: string, left: { entries: number }): Promise<void> {
    const { sent } = this.#options;
    for (const entry of await readdir(join(home, folder), { withFileTypes: true }).catch(() => [])) {
      const path = posix.join(folder, entry.name);
      const shown = this.#shownPath(path);
      left.entries -= 1;
      if (left.entries < 0) return;
      if (isPassedOver(entry.name) || this.#isKept(shown)) continue;
      if (entry.isDirectory()) await this.#walk(home, path, left);
      if (!entry.isFile() || sent.has(shown)) continue;
      const size = await stat(join(home, path)).then(
        (info) => info.size,
        () => 0,
      );
      this.#sizes.set(shown, Math.max(size, this.#sizes.get(shown) ?? 0));
    }
  }

  /** Relative to the project, or `~/…` beside it. */
  #shownPath(inHome: string): string {
    const project = `${this.#options.projectName}/`;
    return inHome.startsWith(project) ? inHome.slice(project.length) : `~/${inHome}`;
  }

  #isKept(shown: string): boolean {
    const { checkpointDir, outputDir, projectName } = this.#options;
    return [checkpointDir, outputDir].some((folder) => {
      if (folder?.startsWith('/') === true)
        return folder.endsWith(shown.startsWith('~/') ? shown.slice(1) : `/${projectName}/${shown}`);
      return folder !== undefined && shown === posix.normalize(folder).replace(/\/+$/, '');
    });
  }
}
