import { type Clock, command, RunctlError } from '@runctl/core';
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
  lifeEvent,
  parseAttemptKey,
  parseLaunchKey,
  parseLifeEventKey,
  runKeys,
  runSpec,
  type BootFailure,
  type LifeEvent,
  type RunSpec,
} from '@runctl/protocol';
import type { ObjectInfo, ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';
import { CachedDocuments } from './cached-documents.ts';
import type { AttemptRecord, LaunchRecord, Observed, RunRecord } from './run-record.ts';

/** Reads a run again and again; a document is fetched only when it is new or changed. */
export interface RunReader {
  /** Errors: `run-not-found`, those of the codec, StoreError. */
  read(): Promise<RunRecord>;
}

export function createRunReader(options: { store: ObjectStore; run: string; clock: Clock }): RunReader {
  const { store, run, clock } = options;
  const keys = runKeys(run);
  const documents = new CachedDocuments(store);
  let spec: RunSpec | null = null;
  return {
    read: async () => {
      spec ??= (await readDocument(store, runSpec, keys.spec))?.document ?? null;
      if (spec === null) throw runNotFound(run);
      // A damaged pointer or lease keeps nobody from the rest: a resume goes around it.
      const [launches, attempts, boots, latest, lease] = await Promise.all([
        readLaunches(documents, keys.launchesFolder),
        readAttempts(documents, keys.attemptsFolder, clock),
        readBoots(documents, keys.bootFolder),
        documents.observeDamaged(latestPointer, keys.latest),
        documents.observeDamaged(leaseDocument, keys.lease),
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

async function readLaunches(documents: CachedDocuments, folder: string): Promise<LaunchRecord[]> {
  const launches = new Map<number, Writable<LaunchRecord>>();
  await documents.each(await documents.list(folder), async (info) => {
    const parsed = parseLaunchKey(info.key);
    if (parsed === null) return;
    const { launch, document } = parsed;
    const record = launches.get(launch) ?? { launch, intent: null, machines: null, outcome: null };
    launches.set(launch, record);
    if (document === 'intent') record.intent = await documents.fetch(launchIntent, info);
    else if (document === 'machines') record.machines = await documents.fetch(launchMachines, info);
    else if (document === 'outcome') record.outcome = await documents.fetch(launchOutcome, info);
  });
  return [...launches.values()].sort((a, b) => a.launch - b.launch);
}

async function readAttempts(documents: CachedDocuments, folder: string, clock: Clock): Promise<AttemptRecord[]> {
  const attempts = new Map<string, Writable<AttemptRecord>>();
  const infos = await documents.list(folder);
  const newest = Math.max(0, ...infos.map((info) => parseAttemptKey(info.key)?.generation ?? 0));
  await documents.each(infos, async (info) => {
    const parsed = parseAttemptKey(info.key);
    if (parsed === null) return;
    const name = `${parsed.generation}/${parsed.node}`;
    const record = attempts.get(name) ?? emptyAttempt(parsed.generation, parsed.node);
    attempts.set(name, record);
    if (parsed.document === 'started') record.started = await documents.fetch(attemptStarted, info);
    else if (parsed.document === 'notice') record.notice = await documents.fetch(attemptNotice, info);
    else if (parsed.document === 'outcome') record.outcome = await documents.fetch(attemptOutcome, info);
    else if (parsed.document === 'status')
      // Only the newest life's heartbeat is asked for its age; the others' no longer change.
      record.status =
        parsed.generation === newest
          ? await documents.observe(attemptStatus, info.key)
          : observedFromListing(await documents.fetch(attemptStatus, info), info, clock.wallMs());
    else if (parsed.document === 'drained') {
      const drained = await documents.fetch(attemptDrained, info);
      record.drain = drained?.drain ?? null;
      record.drainedAt = drained?.at ?? null;
    }
  });
  const events = await readLifeEvents(documents, infos);
  for (const [name, record] of attempts) record.events = events.get(name) ?? [];
  return [...attempts.values()].sort((a, b) => a.generation - b.generation || a.node - b.node);
}

/** Of each `<generation>/<node>`, in order. */
async function readLifeEvents(
  documents: CachedDocuments,
  infos: readonly ObjectInfo[],
): Promise<ReadonlyMap<string, readonly LifeEvent[]>> {
  const events = new Map<string, readonly LifeEvent[]>();
  const found = await documents.each(infos, async (info) => {
    const parsed = parseLifeEventKey(info.key);
    const event = parsed === null ? null : await documents.fetch(lifeEvent, info);
    return parsed === null || event === null ? null : { name: `${parsed.generation}/${parsed.node}`, event };
  });
  // A listing is in the order of keys, and so of numbers.
  for (const each of found) if (each !== null) events.set(each.name, [...(events.get(each.name) ?? []), each.event]);
  return events;
}

async function readBoots(documents: CachedDocuments, folder: string): Promise<BootFailure[]> {
  const boots = await documents.each(await documents.list(folder), (info) => documents.fetch(bootFailure, info));
  return boots.filter((boot) => boot !== null).sort((a, b) => a.at.localeCompare(b.at));
}

export function runNotFound(run: string): RunctlError {
  return new RunctlError('run-not-found', `there is no run ${run}`, { hint: [command('status'), ' lists the runs'] });
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
    events: [],
  };
}

function observedFromListing<T>(document: T | null, info: ObjectInfo, nowMs: number): Observed<T> | null {
  if (document === null) return null;
  return { document, ageMs: Math.max(0, nowMs - info.lastModifiedMs), lastModifiedMs: info.lastModifiedMs };
}
