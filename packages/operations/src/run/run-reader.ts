import { type Clock, inParallel, isRunctlError, RunctlError } from '@runctl/core';
import {
  attemptDrained,
  attemptNotice,
  attemptOutcome,
  attemptStarted,
  attemptStatus,
  bootFailure,
  latestPointer,
  launchIntent,
  launchMachines,
  launchOutcome,
  leaseDocument,
  parseAttemptKey,
  parseLaunchKey,
  runKeys,
  runSpec,
  type RunSpec,
} from '@runctl/protocol';
import type { ObjectInfo, ObjectStore } from '@runctl/store';
import type { z } from 'zod';
import { readDocument } from '../documents.ts';
import type { AttemptRecord, LaunchRecord, Observed, RunRecord } from './run-record.ts';

const PARALLEL_READS = 16;

interface Cached {
  readonly etag: string;
  readonly document: unknown;
}

/** Reads a run again and again; a document is fetched only when it is new or changed. */
export interface RunReader {
  /** Errors: `run-not-found`, those of the codec, StoreError. */
  read(): Promise<RunRecord>;
}

export function createRunReader(options: { store: ObjectStore; run: string; clock: Clock }): RunReader {
  const { store, run, clock } = options;
  const keys = runKeys(run);
  const cache = new Map<string, Cached>();
  let spec: RunSpec | null = null;

  /** The document of a listed object, from the cache when its etag is known. Its age counts from the listing's own clock reading. */
  const fetch = async <S extends z.ZodType>(schema: S, info: ObjectInfo): Promise<z.output<S> | null> => {
    const cached = cache.get(info.key);
    if (cached?.etag === info.etag) return cached.document as z.output<S>;
    const found = await readDocument(store, schema, info.key);
    if (found === null) return null;
    cache.set(info.key, { etag: found.etag, document: found.document });
    return found.document;
  };

  const observe = async <S extends z.ZodType>(schema: S, key: string): Promise<Observed<z.output<S>> | null> => {
    const found = await readDocument(store, schema, key);
    return found === null
      ? null
      : { document: found.document, ageMs: found.ageMs, lastModifiedMs: found.lastModifiedMs };
  };

  const readLaunches = async (): Promise<LaunchRecord[]> => {
    const launches = new Map<number, Writable<LaunchRecord>>();
    await inParallel(await listed(store, keys.launchesFolder), { concurrency: PARALLEL_READS }, async (info) => {
      const parsed = parseLaunchKey(info.key);
      if (parsed === null) return;
      const record = launches.get(parsed.launch) ?? {
        launch: parsed.launch,
        intent: null,
        machines: null,
        outcome: null,
      };
      launches.set(parsed.launch, record);
      if (parsed.document === 'intent') record.intent = await fetch(launchIntent, info);
      else if (parsed.document === 'machines') record.machines = await fetch(launchMachines, info);
      else if (parsed.document === 'outcome') record.outcome = await fetch(launchOutcome, info);
    });
    return [...launches.values()].sort((a, b) => a.launch - b.launch);
  };

  const readAttempts = async (): Promise<AttemptRecord[]> => {
    const attempts = new Map<string, Writable<AttemptRecord>>();
    const infos = await listed(store, keys.attemptsFolder);
    const newest = Math.max(0, ...infos.map((info) => parseAttemptKey(info.key)?.generation ?? 0));
    await inParallel(infos, { concurrency: PARALLEL_READS }, async (info) => {
      const parsed = parseAttemptKey(info.key);
      if (parsed === null) return;
      const name = `${parsed.generation}/${parsed.node}`;
      const record = attempts.get(name) ?? emptyAttempt(parsed.generation, parsed.node);
      attempts.set(name, record);
      if (parsed.document === 'started') record.started = await fetch(attemptStarted, info);
      else if (parsed.document === 'notice') record.notice = await fetch(attemptNotice, info);
      else if (parsed.document === 'outcome') record.outcome = await fetch(attemptOutcome, info);
      else if (parsed.document === 'status')
        // Only the newest life's heartbeat is asked for its age; the others' no longer change.
        record.status =
          parsed.generation === newest
            ? await observe(attemptStatus, info.key)
            : observedFromListing(await fetch(attemptStatus, info), info, clock.wallMs());
      else if (parsed.document === 'drained') {
        const drained = await fetch(attemptDrained, info);
        record.drain = drained?.drain ?? null;
        record.drainedAt = drained?.at ?? null;
      }
    });
    return [...attempts.values()].sort((a, b) => a.generation - b.generation || a.node - b.node);
  };

  /** One that is damaged keeps nobody from the rest: a resume goes around it. */
  const observeDamaged = async <S extends z.ZodType>(
    schema: S,
    key: string,
  ): Promise<{ readonly observed: Observed<z.output<S>> | null; readonly damaged: string | null }> => {
    try {
      return { observed: await observe(schema, key), damaged: null };
    } catch (error) {
      if (!isRunctlError(error, 'internal')) throw error;
      return { observed: null, damaged: error.message };
    }
  };

  const readBoots = async () => {
    const boots = await inParallel(await listed(store, keys.bootFolder), { concurrency: PARALLEL_READS }, (info) =>
      fetch(bootFailure, info),
    );
    return boots.filter((boot) => boot !== null).sort((a, b) => a.at.localeCompare(b.at));
  };

  return {
    read: async () => {
      spec ??= (await readDocument(store, runSpec, keys.spec))?.document ?? null;
      if (spec === null) throw runNotFound(run);
      const [launches, attempts, boots, latest, lease] = await Promise.all([
        readLaunches(),
        readAttempts(),
        readBoots(),
        observeDamaged(latestPointer, keys.latest),
        observeDamaged(leaseDocument, keys.lease),
      ]);
      return {
        spec,
        launches,
        attempts,
        boots,
        latest: latest.observed,
        damagedLatest: latest.damaged,
        lease: lease.observed,
        damagedLease: lease.damaged,
        readAtMs: clock.wallMs(),
      };
    },
  };
}

export function runNotFound(run: string): RunctlError {
  return new RunctlError('run-not-found', `there is no run ${run}`, { hint: '`runctl status` lists the runs' });
}

async function listed(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = [];
  for await (const info of store.list({ prefix })) found.push(info);
  return found;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function emptyAttempt(generation: number, node: number): Writable<AttemptRecord> {
  return {
    generation,
    node,
    started: null,
    notice: null,
    drain: null,
    drainedAt: null,
    outcome: null,
    status: null,
  };
}

function observedFromListing<T>(document: T | null, info: ObjectInfo, nowMs: number): Observed<T> | null {
  if (document === null) return null;
  return { document, ageMs: Math.max(0, nowMs - info.lastModifiedMs), lastModifiedMs: info.lastModifiedMs };
}
