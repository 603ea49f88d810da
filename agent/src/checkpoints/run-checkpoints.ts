import {
  cleanUpOlderGenerations,
  createPublisher,
  fileUploadJournal,
  type OpenWriters,
  prefetchLatest,
  type PrefetchedCheckpoint,
  recognisers,
  type RestoreOptions,
  setTornAside,
  settlePrefetched,
} from '@runctl/checkpoint';
import { type Clock, type Log, messageOf } from '@runctl/core';
import type { AgentPaths } from '@runctl/protocol';
import type { Lanes, ObjectStore } from '@runctl/store';
import type { Account } from '../workload/account.ts';
import type { Checkpoints, CheckpointsRequest, OpenCheckpoints, RestoreRequest } from './checkpoint-port.ts';
import { RejectedManifests } from './rejected-manifests.ts';
import type { WatchFolder } from './watch-folder.ts';

export interface RunCheckpointsOptions {
  readonly store: ObjectStore;
  readonly run: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly account: Account;
  readonly openWriters: OpenWriters;
  readonly watch: WatchFolder;
  readonly lanes: Lanes;
  readonly paths: Pick<AgentPaths, 'rejected' | 'uploads'>;
  /** The size of a part in the grid (default: the format's 8 MiB). */
  readonly partSizeBytes?: number;
}

/** The checkpoint engine, held to this run's folder. */
export function runCheckpoints(options: RunCheckpointsOptions): OpenCheckpoints {
  return (request) => new RunCheckpoints(options, request);
}

class RunCheckpoints implements Checkpoints {
  readonly publisher;
  readonly #options: RunCheckpointsOptions;
  readonly #request: CheckpointsRequest;
  /** Shared with the publisher, which must not build on what a restore found damaged. */
  readonly #rejected: RejectedManifests;
  #prefetching: Promise<PrefetchedCheckpoint | null> = Promise.resolve(null);

  constructor(options: RunCheckpointsOptions, request: CheckpointsRequest) {
    this.#options = options;
    this.#request = request;
    const { store, run, clock, lanes, log, openWriters, partSizeBytes, paths } = options;
    const noJournal = (error: unknown): void =>
      log.warn({ error: messageOf(error) }, 'uploads can not be noted: they would begin anew after a crash');
    this.#rejected = new RejectedManifests(paths.rejected);
    this.publisher = createPublisher({
      store,
      run,
      clock,
      log: log.child({ component: 'publisher' }),
      ...request,
      recognisers,
      openWriters,
      ...(partSizeBytes === undefined ? {} : { partSizeBytes }),
      rejected: this.#rejected.keys,
      lanes,
      journal: fileUploadJournal(paths.uploads, noJournal),
    });
  }

  async restore(request: RestoreRequest & { readonly cutOffSinceMs: number | null }) {
    const prefetched = await this.#prefetching;
    this.#prefetching = Promise.resolve(null);
    request.signal.throwIfAborted();
    const restored = await settlePrefetched(this.#restoreOptions(request), prefetched);
    if (restored !== null) await this.#noteRejected(restored.rejected);
    else await setTornAside(this.#request.folder, request);
    return restored;
  }

  async #noteRejected(keys: readonly string[]): Promise<void> {
    await this.#rejected
      .add(keys)
      .catch((error: unknown) => this.#options.log.warn({ error: messageOf(error) }, 'damaged checkpoints not noted'));
  }

  prefetch(request: RestoreRequest): void {
    const fetch = async (): Promise<PrefetchedCheckpoint | null> => {
      await this.#prefetching;
      return prefetchLatest(this.#restoreOptions(request));
    };
    this.#prefetching = fetch().catch((error: unknown) => {
      if (!request.signal.aborted)
        this.#options.log.warn({ error: messageOf(error) }, 'the checkpoint could not be fetched ahead');
      return null;
    });
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    const { log, watch } = this.#options;
    watch(this.#request.folder, { onChange, signal, log });
  }

  async cleanUp(generation: number, signal: AbortSignal): Promise<void> {
    const { store, run, clock, log } = this.#options;
    const { mayPublish } = this.#request;
    const report = await cleanUpOlderGenerations({ store, run, clock, mayPublish, generation, signal });
    if (report.orphans.length + report.abortedUploads.length > 0)
      log.info({ ...report }, 'cleaned up after older generations');
  }

  #restoreOptions({ signal, onProgress }: RestoreRequest): RestoreOptions {
    const { store, run, clock, log, account } = this.#options;
    const owner = account.switchTo === null ? {} : { owner: account.switchTo };
    const { folder, node } = this.#request;
    return { store, run, clock, log, folder, node, signal, onProgress, ...owner };
  }
}
