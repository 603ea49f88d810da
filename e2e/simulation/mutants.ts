import { settlePrefetched } from '@runctl/checkpoint';
import { runKeys } from '@runctl/protocol';
import { type Around, intercepted, isStoreError, type ObjectStore } from '@runctl/store';
import { type Parts, RUN } from './agent.ts';
import { sizeOnlyRestore } from './careless-restore.ts';
import { realParts } from './parts.ts';

const keys = runKeys(RUN);

/** A guarantee broken on purpose: what the code would be without one of its cares. */
export interface Mutant {
  readonly breaks: string;
  readonly parts: Parts;
  /** Part of what a world that finds it says. */
  readonly seenAs: RegExp;
  /** Not far before the first world that finds it, where that takes many; default 1. */
  readonly firstSeed?: number;
}

const mutant = (breaks: string, seenAs: RegExp, parts: Partial<Parts>, firstSeed = 1): Mutant => ({
  breaks,
  seenAs,
  firstSeed,
  parts: { ...realParts, ...parts },
});

const around = (each: Around) => (store: ObjectStore) => intercepted(store, each);

export const mutants: readonly Mutant[] = [
  mutant('trusts its lease for longer than it lasts', /may both publish|publishes while/, {
    leasePolicy: { ...realParts.leasePolicy, publishWithinMs: realParts.leasePolicy.ttlMs * 2 },
  }),
  mutant('judges the age of the lease by its own clock', /may both publish|publishes while/, {
    store: (store, process) => withDate(store, () => process.clock.wallMs()),
  }),
  mutant(
    'moves the pointer without a condition',
    /back to|is lost by that|publishes while/,
    { store: (store) => unconditional(store, keys.latest) },
    501,
  ),
  mutant('takes the lease without a condition', /may both publish|publishes while|generation of the lease fell/, {
    store: (store) => unconditional(store, keys.lease),
  }),
  mutant('restores whatever has the right size', /which no complete save wrote/, { restore: sizeOnlyRestore }),
  mutant(
    'builds on a manifest that its restore found damaged',
    /was acknowledged|holds what no complete save wrote/,
    {
      publisher: (options) => realParts.publisher({ ...options, rejected: [] }),
      // Else the bucket's checksums would find it out once more.
      store: (store) => withoutChecksums(store),
    },
    101,
  ),
  mutant(
    'believes what the bucket has copied',
    /holds what no complete save wrote/,
    { store: (store) => withoutChecksums(store) },
    1501,
  ),
  mutant('does not wait until files are still', /holds what no complete save wrote/, {
    publisher: (options) => realParts.publisher({ ...options, settleMs: 0 }),
  }),
  mutant('commits before the writer has closed', /holds what no complete save wrote/, {
    publisher: (options) =>
      realParts.publisher({ ...options, openWriters: { among: () => Promise.resolve(new Set<string>()) } }),
  }),
  mutant(
    'takes a kill for a clean end',
    /holds what no complete save wrote/,
    {
      ended: ({ atMs }) => ({ clean: true, atMs }),
    },
    101,
  ),
  mutant('leaves the uploads of older generations', /was left behind/, {
    cleanUp: () => Promise.resolve({ orphans: [], abortedUploads: [] }),
  }),
  mutant('takes a commit without an answer for failed, and deletes its bytes', /is to be kept|no complete save wrote/, {
    store: (store) => deletingUnanswered(store),
  }),
  mutant('commits before the bytes are there', /holds what no complete save wrote/, {
    store: (store) => hasty(store, (key) => key.startsWith(keys.dataRoot)),
  }),
  mutant('moves the pointer before the manifest is there', /which is not there|holds what no complete/, {
    store: (store) => hasty(store, (key) => key.startsWith(keys.manifestsFolder)),
  }),
  mutant('prunes by age alone, without regard to what is kept', /is to be kept/, {
    publisher: (options) => realParts.publisher({ ...options, keep: { last: 0, everySteps: null, best: null } }),
  }),
  mutant(
    'measures how old a checkpoint is by its own clock',
    /is to be kept/,
    {
      publisher: (options) =>
        realParts.publisher({ ...options, store: withDate(options.store, () => options.clock.wallMs()) }),
    },
    51,
  ),
  mutant('restores without looking again after it has the lease', /was acknowledged|finds nothing to restore/, {
    restore: async (options, prefetched) =>
      prefetched === null ? settlePrefetched(options, null) : sizeOnlyRestore(options, prefetched),
  }),
];

/** Answers with a date of another clock than S3's. */
function withDate(store: ObjectStore, nowMs: () => number): ObjectStore {
  return around(async (call, perform) => {
    const answer = await perform();
    return call.operation === 'get' || call.operation === 'head' ? { ...answer, serverTimeMs: nowMs() } : answer;
  })(store);
}

/** Copies without telling what stands in the copy. */
function withoutChecksums(store: ObjectStore): ObjectStore {
  return around(async (call, perform) => {
    const answer = await perform();
    return call.operation === 'copy' || call.operation === 'copyPart' ? { ...answer, crc32: null } : answer;
  })(store);
}

function unconditional(store: ObjectStore, of: string): ObjectStore {
  const put: ObjectStore['put'] = (key, body, options) =>
    store.put(key, body, key === of ? { signal: options?.signal } : options);
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'put') return put;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** Says that some puts are done before they are. */
function hasty(store: ObjectStore, isHasty: (key: string) => boolean): ObjectStore {
  return around((call, perform) => {
    const performed = perform();
    if (call.operation !== 'put' || call.key === null || !isHasty(call.key)) return performed;
    performed.catch(() => {});
    return Promise.resolve({ etag: 'hasty' } as Awaited<typeof performed>);
  })(store);
}

function deletingUnanswered(store: ObjectStore): ObjectStore {
  return around(async (call, perform) => {
    try {
      return await perform();
    } catch (error) {
      const unanswered = call.operation === 'put' && call.key === keys.latest && isStoreError(error, 'transient');
      if (unanswered) await deleteNewestData(store).catch(() => {});
      throw error;
    }
  })(store);
}

async function deleteNewestData(store: ObjectStore): Promise<void> {
  const folders: string[] = [];
  for await (const folder of store.listFolders({ prefix: keys.dataRoot })) folders.push(folder);
  const doomed: string[] = [];
  for await (const { key } of store.list({ prefix: folders.at(-1) ?? keys.dataRoot })) doomed.push(key);
  await store.delete(doomed);
}
