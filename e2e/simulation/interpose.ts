import crypto from 'node:crypto';
import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { NodeDisk } from './node-disk.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** What of Node is not the same in each run of a world: chance, timers and disks. */
export interface Chance {
  readonly random: Random;
  readonly timeline: Timeline;
}

type Functions = Record<string, (...args: never[]) => unknown>;

/**
 * Puts a world under the product's code, which reads and writes folders through node:fs and draws nonces from
 * node:crypto: for paths of simulated machines node:fs means their disks, and all chance comes from the world's seed. The
 * way to do so is Node's own (`syncBuiltinESMExports`), and the code is not changed in any way. One world at a time.
 */
class Interposed {
  readonly disks = new NodeDisk();
  #chance: Chance | null = null;

  constructor() {
    const synchronous = { ...this.disks.sync(), ...this.disks.callbacks() };
    this.#paths(fsPromises as unknown as Functions, this.disks.promises(), Object.keys(fsPromises));
    this.#paths(fs as unknown as Functions, synchronous, Object.keys(synchronous));
    this.#nonces();
    this.#globals();
    this.#compression();
    syncBuiltinESMExports();
  }

  /** From now on until the returned function is called. */
  use(chance: Chance): () => void {
    if (this.#chance !== null) throw new Error('one world at a time');
    this.#chance = chance;
    return () => {
      this.#chance = null;
      this.disks.clear();
    };
  }

  #paths(module: Functions, simulated: Functions, names: readonly string[]): void {
    for (const name of names) {
      const real = module[name];
      if (typeof real !== 'function') continue;
      const simulate = simulated[name] as ((...args: unknown[]) => unknown) | undefined;
      const choose = (...args: unknown[]): unknown => {
        if (!this.disks.owns(args[0])) return (real as (...args: unknown[]) => unknown)(...args);
        if (simulate === undefined) throw new Error(`simulated disks do not model ${name}`);
        return simulate(...args);
      };
      module[name] = choose;
    }
  }

  #nonces(): void {
    const { randomBytes, randomInt, randomUUID } = crypto;
    const replaced = crypto as unknown as Record<string, unknown>;
    replaced['randomBytes'] = (size: number) => {
      const random = this.#chance?.random;
      return random === undefined
        ? randomBytes(size)
        : Buffer.from(Array.from({ length: size }, () => random.int(0, 255)));
    };
    replaced['randomInt'] = (max: number) => this.#chance?.random.int(0, max - 1) ?? randomInt(max);
    replaced['randomUUID'] = () => this.#chance?.random.int(0, 2 ** 31).toString(16) ?? randomUUID();
  }

  /** Its thread pool would keep real time while the world's stands still. */
  #compression(): void {
    const { gzip, gzipSync } = zlib;
    const replaced = zlib as unknown as Record<string, unknown>;
    replaced['gzip'] = (...given: Parameters<typeof gzip>) => {
      if (this.#chance === null) return gzip(...given);
      const [bytes, options, done] = given as unknown as [Buffer, object, (error: null, zipped: Buffer) => void];
      const zipped = gzipSync(bytes, options);
      queueMicrotask(() => done(null, zipped));
    };
  }

  #globals(): void {
    const random = Math.random;
    Math.random = () => this.#chance?.random.next() ?? random();
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => {
      if (this.#chance === null) return timeout(ms);
      const controller = new AbortController();
      this.#chance.timeline.after(ms, () => controller.abort(new DOMException('timed out', 'TimeoutError')));
      return controller.signal;
    };
  }
}

/** There is one Node to put worlds under. */
export const interposed = new Interposed();
