import { newNonce, RunctlError } from '@runctl/core';
import {
  decodeDocument,
  encodeDocument,
  FORMAT_VERSION,
  type KeptFile,
  keptOutput,
  type KeptOutput,
  runKeys,
  timestampOf,
} from '@runctl/protocol';
import { collect, compareAndSet, isStoreError } from '@runctl/store';
import { assertMayPublish, type BucketAccess, type Publishing, PublishingRefused } from '../ledger/commit.ts';
import { refusalOfFiles } from '../restore/refusal.ts';

export interface StoredOutput {
  readonly output: KeptOutput;
  readonly etag: string;
}

/** Null where nothing was kept. Rejects with `internal` where it is damaged or names what is not its own, with `newer-format`. */
export async function readOutput({ store, run, signal }: BucketAccess): Promise<StoredOutput | null> {
  const key = runKeys(run).outputIndex;
  try {
    const { body, info } = await store.get(key, { signal });
    return { output: decoded(await collect(body), run), etag: info.etag };
  } catch (error) {
    if (isStoreError(error, 'missing')) return null;
    throw error;
  }
}

function decoded(bytes: Uint8Array, run: string): KeptOutput {
  const { outputIndex, outputFolder } = runKeys(run);
  const output = decodeDocument(keptOutput, bytes, outputIndex);
  const refusal = refusalOfFiles(output.files, { below: outputFolder, called: 'output folder' });
  const isTwice = new Set(output.files.map(({ path }) => path)).size !== output.files.length;
  const isForeign = output.superseded.some(({ key }) => !key.startsWith(outputFolder) || key === outputIndex);
  const problem = refusal ?? (isTwice ? 'it names a file twice' : isForeign ? 'it names an object of elsewhere' : null);
  if (problem === null) return output;
  throw new RunctlError('internal', `${outputIndex} can't be used: ${problem}`);
}

/** What becomes of the kept files: null = as they are. */
export type OutputChange = (files: readonly KeptFile[]) => readonly KeptFile[];

const TRIES = 5;

/**
 * Writes the index with a change to its files, on top of whatever stands there by then. Rejects with PublishingRefused unless
 * this machine holds the lease, and when a higher generation has written it.
 */
export async function changeOutput(
  publishing: Publishing,
  known: StoredOutput | null,
  change: OutputChange,
): Promise<StoredOutput> {
  let before = known;
  for (let tries = 1; ; tries++) {
    if (before !== null && before.output.generation > publishing.generation) throw new PublishingRefused('fenced');
    assertMayPublish(publishing);
    const output = changed(publishing, before?.output ?? null, change);
    const body = encodeDocument(keptOutput, output);
    const when = before === null ? ({ absent: true } as const) : { etag: before.etag };
    const { store, run, signal } = publishing;
    const set = await compareAndSet(store, { key: runKeys(run).outputIndex, body, when, signal });
    if (set.won) return { output, etag: set.etag };
    if (tries >= TRIES) throw new RunctlError('internal', `${runKeys(run).outputIndex} is changed by somebody else`);
    before = set.current === null ? null : { output: decoded(set.current.bytes, run), etag: set.current.etag };
  }
}

function changed({ run, generation, clock }: Publishing, before: KeptOutput | null, change: OutputChange): KeptOutput {
  const at = timestampOf(clock.wallMs());
  const files = change(before?.files ?? []);
  const named = new Set(files.map(({ key }) => key));
  const gone = (before?.files ?? []).filter(({ key }) => !named.has(key)).map(({ key }) => ({ key, since: at }));
  const superseded = [...(before?.superseded ?? []), ...gone];
  return { version: FORMAT_VERSION, run, generation, nonce: newNonce(), at, files: [...files], superseded };
}

/** Writes the index without those of its superseded objects, which are deleted. */
export async function forgetSuperseded(
  publishing: Publishing,
  known: StoredOutput,
  deleted: ReadonlySet<string>,
): Promise<StoredOutput> {
  assertMayPublish(publishing);
  const superseded = known.output.superseded.filter(({ key }) => !deleted.has(key));
  const output = { ...known.output, generation: publishing.generation, nonce: newNonce(), superseded };
  const body = encodeDocument(keptOutput, output);
  const { store, run, signal } = publishing;
  const set = await compareAndSet(store, { key: runKeys(run).outputIndex, body, when: { etag: known.etag }, signal });
  // Who has changed it names them still, and they are deleted once more.
  return set.won ? { output, etag: set.etag } : known;
}
