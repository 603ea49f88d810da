import { readFileSync } from 'node:fs';
import { replaceFile } from '../journal/journal.ts';

/** Manifests that a restore on this machine found damaged. Outlives the agent: nothing may be built on them. */
export class RejectedManifests {
  readonly #path: string;
  readonly #keys: string[];

  constructor(path: string) {
    this.#path = path;
    this.#keys = keptIn(path);
  }

  /** The same array for ever: it grows. */
  get keys(): readonly string[] {
    return this.#keys;
  }

  /** Counts at once; rejects when the disk does not take it. */
  async add(keys: readonly string[]): Promise<void> {
    const added = keys.filter((key) => !this.#keys.includes(key));
    if (added.length === 0) return;
    this.#keys.push(...added);
    await replaceFile(this.#path, `${JSON.stringify(this.#keys)}\n`);
  }
}

function keptIn(path: string): string[] {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(kept) ? kept.filter((key) => typeof key === 'string') : [];
  } catch {
    return [];
  }
}
