import { createHash } from 'node:crypto';
import type { Clock } from '@runctl/core';
import {
  FORMAT_VERSION,
  PART_SIZE_BYTES,
  attemptDrained,
  attemptNotice,
  attemptOutcome,
  attemptStarted,
  attemptStatus,
  encodeDocument,
  latestPointer,
  launchOutcome,
  leaseDocument,
  manifest,
  runKeys,
  scaledTiming,
  timestampOf,
  type AttemptOutcome,
  type AttemptStatus,
  type DrainReport,
  type LaunchOutcome,
} from '@runctl/protocol';
import { crc32Of, type ObjectStore } from '@runctl/store';
import type { z } from 'zod';
import { gzipSync } from 'node:zlib';

/** Writes what the agents of one run write, so that readers can be held to it without one. */
export class WrittenRun {
  readonly store: ObjectStore;
  readonly run: string;
  readonly #clock: Clock;
  readonly #keys: ReturnType<typeof runKeys>;
  #latest: string | null = null;
  #logOffset = new Map<number, number>();

  constructor(store: ObjectStore, run: string, clock: Clock) {
    this.store = store;
    this.run = run;
    this.#clock = clock;
    this.#keys = runKeys(run);
  }

  #at(): string {
    return timestampOf(this.#clock.wallMs());
  }

  #place(generation: number) {
    return {
      version: FORMAT_VERSION,
      generation,
      node: 0,
      launch: 1,
      machineId: `i-${generation}`,
      at: this.#at(),
    } as const;
  }

  async #put<S extends z.ZodType>(key: string, schema: S, document: z.input<S>): Promise<void> {
    await this.store.put(key, encodeDocument(schema, document));
  }

  async started(generation: number, resumedStep: number | null = null, launch = 1): Promise<void> {
    await this.#put(this.#keys.attempt(generation, 0).started, attemptStarted, {
      ...this.#place(generation),
      launch,
      machineType: 'g5.xlarge',
      location: 'us-east-1a',
      market: 'spot',
      pricePerHourUsd: 0.36,
      resumedFrom: resumedStep === null ? null : { manifest: 'm', step: resumedStep, warnings: [] },
      agentVersion: '0.1.0',
      stagesMs: {},
    });
  }

  async lease(generation: number, state: { released?: boolean; launch?: number; owner?: string } = {}): Promise<void> {
    await this.#put(this.#keys.lease, leaseDocument, {
      version: FORMAT_VERSION,
      generation,
      launch: state.launch ?? 1,
      nodes: 1,
      owner: state.owner ?? `i-${generation}`,
      nonce: 'n',
      renewal: Math.round(this.#clock.monotonicMs()),
      ttlMs: scaledTiming(1).leaseTtlMs,
      released: state.released ?? false,
    });
  }

  async heartbeat(generation: number, status: Partial<AttemptStatus> = {}): Promise<void> {
    const document: AttemptStatus = {
      ...this.#place(generation),
      run: this.run,
      phase: 'running',
      phaseSince: this.#at(),
      doing: 'training',
      pid: 1,
      step: null,
      stepSource: 'log',
      stepEvidence: null,
      workload: null,
      interpreter: null,
      durable: null,
      atRiskMs: null,
      fit: null,
      output: null,
      uploads: [],
      savedFor: null,
      stopping: null,
      notice: null,
      lease: { state: 'held', generation, renewedAgoMs: 0 },
      budget: { spentUsd: 0.02, limitUsd: null },
      pricePerHourUsd: 0.36,
      market: 'spot',
      machineType: 'g5.xlarge',
      location: 'us-east-1a',
      interruptions: generation - 1,
      crashes: 0,
      logBytes: 0,
      warnings: [],
      ...status,
    };
    await this.#put(this.#keys.attempt(generation, 0).status, attemptStatus, document);
  }

  /** Ships a piece of log, by default right behind the last. */
  async log(generation: number, text: string, offset = this.#logOffset.get(generation) ?? 0): Promise<void> {
    await this.store.put(this.#keys.logChunk(generation, 0, offset), gzipSync(text));
    this.#logOffset.set(generation, offset + Buffer.byteLength(text));
  }

  async checkpoint(
    generation: number,
    seq: number,
    step: number,
    files: Record<string, string> = { 'c.json': 'a' },
  ): Promise<void> {
    const key = this.#keys.manifest({ generation, seq });
    const data = this.#keys.dataFolder({ generation, seq }, 'aaaaaa');
    for (const [path, content] of Object.entries(files)) await this.store.put(data + path, Buffer.from(content));
    const previous = this.#latest;
    this.#latest = key;
    await this.#put(key, manifest, {
      version: FORMAT_VERSION,
      generation,
      seq,
      nonce: `${generation}-${seq}`,
      step,
      previous,
      recogniser: 'plain',
      evidence: 'still',
      entry: '.',
      nodes: [0],
      files: Object.entries(files).map(([path, content]) => ({
        path,
        key: data + path,
        sizeBytes: content.length,
        sha256: sha256Of(content),
        mode: 0o644,
        partSizeBytes: PART_SIZE_BYTES,
        partCrc32: [crc32Of(Buffer.from(content))],
        partSha256: [sha256Of(content)],
      })),
      savedAt: this.#at(),
      at: this.#at(),
    });
    await this.#put(this.#keys.latest, latestPointer, {
      version: FORMAT_VERSION,
      manifest: key,
      generation,
      seq,
      step,
      at: this.#at(),
      nonce: `${generation}-${seq}`,
      fellBackFromStep: null,
    });
  }

  async interrupted(generation: number, drain: Partial<DrainReport> & { step: number | null }): Promise<void> {
    const { step, ...rest } = drain;
    const keys = this.#keys.attempt(generation, 0);
    await this.#put(keys.notice, attemptNotice, {
      ...this.#place(generation),
      action: 'terminate',
      windowMs: 120_000,
      step,
      durableStep: null,
    });
    await this.#put(keys.drained, attemptDrained, {
      ...this.#place(generation),
      drain: {
        cause: 'notice',
        windowMs: 120_000,
        noticeToSigtermMs: 20,
        sigtermToFirstWriteMs: 50,
        sigtermToLastWriteMs: 60,
        sigtermToExitMs: 80,
        caughtTerm: true,
        killed: false,
        flushMs: 300,
        newCheckpoint: true,
        stepAtStop: step,
        durableStep: step,
        notDurable: [],
        ...rest,
      },
    });
    await this.ended(generation, {
      status: 'interrupted',
      cause: 'notice',
      exitCode: 143,
      step,
      durableStep: step,
    });
  }

  async ended(generation: number, outcome: Partial<AttemptOutcome> = {}): Promise<void> {
    await this.#put(this.#keys.attempt(generation, 0).outcome, attemptOutcome, {
      ...this.#place(generation),
      status: 'succeeded',
      cause: 'exited',
      exitCode: 0,
      signal: null,
      message: 'the workload finished',
      step: null,
      durableStep: null,
      ranMs: 1000,
      costUsd: 0.01,
      logBytes: this.#logOffset.get(generation) ?? 0,
      ...outcome,
    });
  }

  async outcome(outcome: Partial<LaunchOutcome> = {}): Promise<void> {
    const launch = outcome.launch ?? 1;
    await this.#put(this.#keys.launch(launch).outcome, launchOutcome, {
      version: FORMAT_VERSION,
      run: this.run,
      launch,
      status: 'succeeded',
      cause: 'exited',
      message: 'the workload finished',
      exitCode: 0,
      signal: null,
      step: null,
      durableStep: null,
      generation: 1,
      at: this.#at(),
      nonce: 'n',
      ...outcome,
    });
  }
}

const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');
