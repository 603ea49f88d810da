import { newNonce } from '@runctl/core';
import { type KeptFile, parseOutputKey, runKeys } from '@runctl/protocol';
import {
  type UnprovenFiles,
  type OutputFolder,
  type OutputFolderOptions,
  type OutputPass,
  type OutputReport,
  type OutputRestore,
  UNPROVEN_FOLDER,
} from '../contract/output-port.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import type { FileSeen } from '../contract/recogniser.ts';
import { assertMayPublish, type Publishing, PublishingRefused } from '../ledger/commit.ts';
import { deletedFiles } from './deleted-files.ts';
import { changeOutput, forgetSuperseded, readOutput, type StoredOutput } from './index-document.ts';
import { lookAtEntries, lookAtOutput, type OutputLook } from './look-at-output.ts';
import { fetchOutput } from './fetch-output.ts';
import { isAsKept, sendOutput, type SentOutput } from './send-output.ts';

/** What is on its way without being named by the index: so much is lost at most when a deadline cuts a pass off. */
const BATCH_BYTES = 64 * 1024 * 1024;
const BATCH_FILES = 100;
/** A file that changes while it is sent at the end (something outlives the script) is tried so often. */
const LAST_TRIES = 3;
const SUPERSEDED_GRACE_MS = 3_600_000;

/** Makes the keeper of a run's output folder; see `OutputFolder`. */
export function openOutputFolder(options: OutputFolderOptions): OutputFolder {
  return new OutputKeeper(options);
}

class OutputKeeper implements OutputFolder {
  readonly #options: OutputFolderOptions;
  /** What the index says, once this generation has written it. */
  #stored: { readonly generation: number; output: StoredOutput } | null = null;
  /** Paths that were on this disk: only of those it means something that they are not any more. */
  readonly #seen = new Set<string>();

  constructor(options: OutputFolderOptions) {
    this.#options = options;
  }

  async pass({ signal, ended, onKept }: OutputPass): Promise<OutputReport> {
    const publishing = this.#publishing(signal);
    await this.#takeOver(publishing);
    const waiting: PassedOver[] = [];
    let sentFiles = 0;
    let look = await this.#look();
    for (let tries = 1; ; tries++) {
      const changed = this.#changedIn(look);
      const still = ended ? changed : changed.filter((file) => this.#isStill(file));
      waiting.length = 0;
      if (!ended)
        waiting.push(...changed.filter((file) => !still.includes(file)).map(({ path }) => ({ path, why: MOVING })));
      for (const batch of batchesOf(still)) {
        const result = await this.#send(batch, { publishing, ended, folder: this.#options.folder, below: '', onKept });
        sentFiles += result.sent.length;
        waiting.push(...result.waiting);
      }
      if (!ended || waiting.length === 0 || tries >= LAST_TRIES) break;
      look = await this.#look();
    }
    await this.#dropDeleted(look, publishing);
    await this.#prune(publishing);
    return { kept: this.#kept(), sentFiles, waiting, unkept: look.unkept };
  }

  async keepUnproven({ entries, folder, signal, onKept }: UnprovenFiles): Promise<OutputReport> {
    const publishing = this.#publishing(signal);
    await this.#takeOver(publishing);
    const below = `${UNPROVEN_FOLDER}/`;
    const { files, unkept } = await lookAtEntries(folder, entries);
    const kept = new Map(this.#files().map((file) => [file.path, file]));
    const changed = files.filter((file) => !isAsKept(file, kept.get(`${below}${file.path}`)));
    const waiting: PassedOver[] = [];
    let sentFiles = 0;
    for (const batch of batchesOf(changed)) {
      const result = await this.#send(batch, { publishing, ended: true, folder, below, onKept });
      sentFiles += result.sent.length;
      waiting.push(...result.waiting);
    }
    await this.#prune(publishing);
    return { kept: this.#kept(), sentFiles, waiting, unkept };
  }

  async restore({ signal, onProgress }: OutputRestore): Promise<readonly string[]> {
    const { store, run, folder, clock, owner } = this.#options;
    const stored = await readOutput({ store, run, signal });
    if (stored === null) return [];
    const files = stored.output.files.filter(isOutput);
    const { placed, missing } = await fetchOutput(
      { ...stored.output, files },
      {
        store,
        clock,
        folder,
        signal,
        owner,
        keepNewer: true,
        setAside: null,
        onProgress,
      },
    );
    for (const path of placed) this.#seen.add(path);
    return missing;
  }

  #publishing(signal: AbortSignal): Publishing {
    const { store, run, clock, mayPublish } = this.#options;
    const generation = mayPublish()?.generation ?? null;
    if (generation === null) throw new PublishingRefused('not-holder');
    return { store, run, clock, mayPublish, generation, signal };
  }

  /**
   * The first write of a generation. From then on no earlier one can change the index, so that what those have sent and it
   * does not name can go.
   */
  async #takeOver(publishing: Publishing): Promise<void> {
    const { generation, run, signal, store } = publishing;
    if (this.#stored?.generation === generation) return;
    const output = await changeOutput(publishing, await readOutput(publishing), (files) => files);
    this.#stored = { generation, output };
    const { files, superseded } = output.output;
    const named = new Set([...files, ...superseded].map(({ key }) => key));
    const orphans: string[] = [];
    for await (const { key } of store.list({ prefix: runKeys(run).outputFolder, signal }))
      if (!named.has(key) && (parseOutputKey(`/${key}`)?.generation ?? generation) < generation) orphans.push(key);
    assertMayPublish(publishing);
    if (orphans.length > 0) await store.delete(orphans, { signal });
  }

  #look(): Promise<OutputLook> {
    const { folder, checkpointFolder } = this.#options;
    return lookAtOutput(folder, checkpointFolder);
  }

  #changedIn({ files }: OutputLook): readonly FileSeen[] {
    const kept = new Map(this.#files().map((file) => [file.path, file]));
    return files.filter((file) => !isAsKept(file, kept.get(file.path)));
  }

  #isStill({ mtimeMs, ctimeMs }: FileSeen): boolean {
    const { clock, settleMs } = this.#options;
    // A file that is unpacked or copied may bear an old time of writing from the start.
    return clock.wallMs() - Math.max(mtimeMs, ctimeMs) >= settleMs;
  }

  async #send(batch: readonly FileSeen[], { publishing, ended, folder, below, onKept }: Sending): Promise<SentOutput> {
    const { run, generation } = publishing;
    const dataFolder = `${runKeys(run).outputDataFolder(generation, newNonce())}${below}`;
    const result = await sendOutput(batch, { ...publishing, folder, dataFolder, ended });
    if (result.sent.length === 0) return result;
    const named = result.sent.map((file) => ({ ...file, path: `${below}${file.path}` }));
    const sent = new Map(named.map((file) => [file.path, file]));
    await this.#change(publishing, (files) => [...files.filter(({ path }) => !sent.has(path)), ...sent.values()]);
    onKept?.();
    if (below === '') for (const path of sent.keys()) this.#seen.add(path);
    return result;
  }

  /** What this machine had and has no more is not kept any longer. */
  async #dropDeleted(look: OutputLook, publishing: Publishing): Promise<void> {
    const there = new Set([...look.files, ...look.unkept].map(({ path }) => path));
    const missing = this.#files().filter(({ path }) => this.#seen.has(path) && !there.has(path));
    const paths = missing.map(({ path }) => path);
    const gone = new Set(await deletedFiles(this.#options.folder, paths));
    for (const { path } of look.files) this.#seen.add(path);
    if (gone.size > 0) await this.#change(publishing, (files) => files.filter(({ path }) => !gone.has(path)));
  }

  async #change(publishing: Publishing, change: (files: readonly KeptFile[]) => readonly KeptFile[]): Promise<void> {
    const output = await changeOutput(publishing, this.#stored?.output ?? null, change);
    this.#stored = { generation: publishing.generation, output };
  }

  async #prune(publishing: Publishing): Promise<void> {
    const { clock, store, signal, generation } = publishing;
    const output = this.#stored?.output ?? null;
    if (output === null) return;
    const before = clock.wallMs() - SUPERSEDED_GRACE_MS;
    const old = output.output.superseded.filter(({ since }) => Date.parse(since) <= before).map(({ key }) => key);
    if (old.length === 0) return;
    assertMayPublish(publishing);
    await store.delete(old, { signal });
    this.#stored = { generation, output: await forgetSuperseded(publishing, output, new Set(old)) };
  }

  #files(): readonly KeptFile[] {
    return this.#stored?.output.output.files ?? [];
  }

  #kept(): OutputReport['kept'] {
    const files = this.#files().filter(isOutput);
    return { files: files.length, sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
  }
}

interface Sending {
  readonly publishing: Publishing;
  readonly ended: boolean;
  /** Absolute: where the files are. */
  readonly folder: string;
  /** What the bucket puts before their paths: empty, or ends with `/`. */
  readonly below: string;
  readonly onKept: (() => void) | undefined;
}

/** Pieces of checkpoints are no output: no machine puts them back. */
const isOutput = ({ path }: KeptFile): boolean => !path.startsWith(`${UNPROVEN_FOLDER}/`);

const MOVING = 'was being written a moment ago';

/** The smallest first, so that before a deadline most of them are there. */
function batchesOf(files: readonly FileSeen[]): readonly (readonly FileSeen[])[] {
  const batches: FileSeen[][] = [];
  let bytes = 0;
  for (const file of files.toSorted((a, b) => a.sizeBytes - b.sizeBytes)) {
    const last = batches.at(-1);
    const fits = last !== undefined && last.length < BATCH_FILES && bytes + file.sizeBytes <= BATCH_BYTES;
    bytes = fits ? bytes + file.sizeBytes : file.sizeBytes;
    if (fits) last.push(file);
    else batches.push([file]);
  }
  return batches;
}
