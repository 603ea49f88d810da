import { isSideFile, nameOf, stepInName } from '../../look/names.ts';
import type { Candidate, FileSeen, FolderTree, Recogniser } from '../../contract/recogniser.ts';
import { examineDcp } from './dcp.ts';
import { newerThan } from './doubts.ts';
import { finding, type Finding, type Folder, foldersIn, isBelow, type FrameworkLook } from './folders.ts';
import { examineTrackedWithin } from './tracked.ts';

const STEP_IN_NAME = /epoch=\d+-step=(\d+)/;
const CLUSTER_NAME = /^hpc_ckpt_\d+\.ckpt$/;
const VERSION_KEY = 'pytorch-lightning_version';
const HEAD_BYTES = 64 * 1024;
const SHARDED_META = 'meta.pt';

/** One `.ckpt`, file or folder. */
interface Saved {
  readonly entry: string;
  readonly step: number | null;
  readonly files: readonly FileSeen[];
  /** Of a folder; a file is judged by its structure alone. */
  readonly finding: Finding | null;
}

/**
 * Lightning's `ModelCheckpoint`: `epoch=E-step=S.ckpt`, `last.ckpt`, each a file by torch.save (lightning/fabric/utilities/
 * cloud_io.py writes it beside and moves it) or, from sharding strategies, a folder: DCP shards, `.metadata`, then `meta.pt`
 * (strategies/fsdp.py, model_parallel.py). The step of a name without one stands in the file.
 */
export const lightningRecogniser: Recogniser = {
  name: 'lightning',
  recognise: (tree, context) => {
    const look = { ...context, folders: foldersIn(tree) };
    const folders = Array.from(look.folders.values(), (folder) => savedFolder(folder, look)).filter(
      (each) => each !== null,
    );
    const loose = tree.files.filter((file) => !folders.some((each) => isBelow(file.path, each.entry)));
    const saved = [...folders, ...loose.map((file) => savedFile(file, look)).filter((each) => each !== null)];
    return worthResuming(saved).map((each) => candidateOf(each, tree, saved));
  },
};

function savedFile(file: FileSeen, look: FrameworkLook): Saved | null {
  const name = nameOf(file.path);
  if (!name.endsWith('.ckpt') || isSideFile(file.path)) return null;
  const named = STEP_IN_NAME.exec(name)?.[1];
  const inside = named === undefined ? stepInside(look.readStart(file.path, HEAD_BYTES)) : null;
  if (named === undefined && inside === null && !CLUSTER_NAME.test(name)) return null;
  const step = named === undefined ? (inside?.step ?? stepInName(name)) : Number(named);
  return { entry: file.path, step: Number.isSafeInteger(step) ? step : null, files: [file], finding: null };
}

function savedFolder(folder: Folder, look: FrameworkLook): Saved | null {
  if (folder.path === '' || !folder.name.endsWith('.ckpt')) return null;
  const dcp = examineDcp(folder, look);
  const deepspeed = examineTrackedWithin(folder, look);
  const meta = folder.own.get(SHARDED_META);
  if (dcp === null && deepspeed === null && meta === undefined) return null;
  const named = STEP_IN_NAME.exec(folder.name)?.[1];
  const head = meta === undefined ? null : look.readStart(meta.path, HEAD_BYTES);
  const step = named === undefined ? (stepInside(head)?.step ?? null) : Number(named);
  const metaMissing =
    deepspeed === null && meta === undefined
      ? `${folder.path}/${SHARDED_META}, which is written last, is missing`
      : null;
  const problem =
    deepspeed?.problem ??
    (deepspeed === null && dcp === null ? `${folder.path} has no shards` : null) ??
    dcp?.problem ??
    metaMissing;
  const doubt = (meta === undefined ? null : newerThan(meta, folder.all)) ?? dcp?.doubt ?? deepspeed?.doubt ?? null;
  const evidence = deepspeed === null ? `${SHARDED_META}, which is written last, is there` : 'DeepSpeed finished it';
  return { entry: folder.path, step, files: folder.all, finding: finding({ step, problem, doubt, evidence }) };
}

/** One for each step; of those whose step nothing tells the newest, if nothing is newer. */
function worthResuming(saved: readonly Saved[]): readonly Saved[] {
  const chosen = new Map<number, Saved>();
  for (const each of saved) {
    const other = each.step === null ? undefined : chosen.get(each.step);
    if (each.step !== null && (other === undefined || isPreferred(each, other))) chosen.set(each.step, each);
  }
  const stepped = Array.from(chosen.values());
  const [unknown] = saved.filter((each) => each.step === null).toSorted((a, b) => savedAtMs(b) - savedAtMs(a));
  if (unknown === undefined || stepped.some((each) => savedAtMs(each) >= savedAtMs(unknown))) return stepped;
  return [...stepped, unknown];
}

/** `last.ckpt` says less than the name with the step in it; among equals the newest counts. */
function isPreferred(saved: Saved, other: Saved): boolean {
  const [own, others] = [saved, other].map((each) => STEP_IN_NAME.test(nameOf(each.entry)));
  return own === others ? savedAtMs(saved) > savedAtMs(other) : own === true;
}

function savedAtMs({ files }: Saved): number {
  return files.reduce((newest, file) => Math.max(newest, file.mtimeMs), 0);
}

/** Saves of other steps stay out, under whatever name; one whose name bears no number (`last.ckpt`) goes along. */
function candidateOf(saved: Saved, tree: FolderTree, all: readonly Saved[]): Candidate {
  const { entry, step, files, finding: known } = saved;
  const own = new Set(files.map((file) => file.path));
  const others = new Set(
    all
      .filter((other) => other.step !== null && other.step !== step && stepInName(nameOf(other.entry)) !== null)
      .flatMap((other) => other.files.map((file) => file.path)),
  );
  const folders = all.filter((other) => other.finding !== null && other.step !== null);
  const companions = tree.files.filter(
    ({ path }) => !own.has(path) && !others.has(path) && !folders.some((other) => isBelow(path, other.entry)),
  );
  const base = { recogniser: 'lightning', entry, step, files, companions };
  if (known === null) return { ...base, marker: null, wholeInOneFile: true };
  const marker = { complete: known.problem === null, evidence: known.problem ?? known.evidence };
  return { ...base, marker, ...(known.doubt === null ? {} : { doubt: known.doubt }) };
}

/**
 * `global_step` in the beginning of a file by torch.save, where Lightning's dictionary has it: a pickle's text and, past a memo,
 * an integer (BININT1, BININT2, BININT, LONG1 of Python's pickletools). Null when the file is none of Lightning's.
 */
export function stepInside(head: Buffer | null): { readonly step: number | null } | null {
  if (head === null || (!head.includes(VERSION_KEY) && !head.includes('callbacks'))) return null;
  const at = head.indexOf('\u000b\0\0\0global_step', 0, 'latin1');
  if (at < 0) return head.includes(VERSION_KEY) ? { step: null } : null;
  return { step: pickledInteger(head, at + 15) };
}

const PAST_MEMO: Readonly<Record<number, number>> = { 0x71: 2, 0x72: 5, 0x94: 1 };

function pickledInteger(bytes: Buffer, start: number): number | null {
  const at = start + (PAST_MEMO[bytes[start] ?? 0] ?? 0);
  if (at + 5 > bytes.length) return null;
  if (bytes[at] === 0x4b) return bytes.readUInt8(at + 1);
  if (bytes[at] === 0x4d) return bytes.readUInt16LE(at + 1);
  if (bytes[at] === 0x4a) return Math.max(0, bytes.readInt32LE(at + 1));
  const length = bytes.readUInt8(at + 1);
  if (bytes[at] !== 0x8a || length > 6 || at + 2 + length > bytes.length || length === 0) return null;
  return bytes.readUIntLE(at + 2, length);
}
