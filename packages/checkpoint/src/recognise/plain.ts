import { moreMayCome } from './frameworks/doubts.ts';
import { formatOf } from '../formats/file-kinds.ts';
import { missingFromSet } from './frameworks/file-sets.ts';
import { isDescription } from './frameworks/weights.ts';
import { isDatabase, isSideFile, type StepEntry, stepEntryOf, stepInName, topEntryOf } from '../look/names.ts';
import type { Candidate, FileSeen, FolderTree, RecogniseContext, Recogniser } from '../contract/recogniser.ts';

/**
 * Checkpoints of unknown make, by their names. Top-level entries of one step (`checkpoint-500/`, or `model-500.pt` and
 * `optimizer-500.pt`) are one candidate, and whatever bears no step goes along with each. Where no top-level entry bears
 * one, names below them do (`out/step_500.pt`). Where nothing bears a step the whole folder is one candidate, as a script
 * that overwrites its files in place writes it.
 */
export const plainRecogniser: Recogniser = {
  name: 'plain',
  recognise: (tree, context) => {
    const { steps, stepless } = groupByStep(tree);
    const candidates =
      steps.size === 0
        ? wholeFolder(stepless)
        : Array.from(steps, ([step, entries]) => stepCandidate(step, entries, stepless));
    return candidates.map((candidate) => judgedAsSet(candidate, context));
  },
};

/** Names the format, and looks for files that those there say must be there. */
function judgedAsSet(candidate: Candidate, context: RecogniseContext): Candidate {
  const { files } = candidate;
  const missing = missingFromSet(files, context);
  const marker =
    missing === null ? null : { complete: false, evidence: `${missing}, which others of its set need, is missing` };
  const described = candidate.step !== null && files.every(({ path }) => isDescription(path));
  const doubt = described ? { doubt: moreMayCome(`${candidate.entry} describes a model and has no weights yet`) } : {};
  return { ...candidate, recogniser: formatOf(files, context), marker, ...doubt };
}

type Entries = Map<string, FileSeen[]>;

/** By the steps of top-level entries; where none bears one, by those of the names below them. */
function groupByStep(tree: FolderTree): { steps: Map<number, Entries>; stepless: FileSeen[] } {
  const grouped = groupBy(tree, topStepOf);
  return grouped.steps.size === 0 ? groupBy(tree, stepEntryOf) : grouped;
}

function topStepOf(path: string): StepEntry | null {
  const entry = topEntryOf(path);
  const step = isSideFile(path) && entry === path ? null : stepInName(entry);
  return step === null ? null : { entry, step };
}

function groupBy(
  tree: FolderTree,
  stepOf: (path: string) => StepEntry | null,
): { steps: Map<number, Entries>; stepless: FileSeen[] } {
  const steps = new Map<number, Entries>();
  const stepless: FileSeen[] = [];
  for (const file of tree.files) {
    const found = stepOf(file.path);
    if (found === null) {
      stepless.push(file);
      continue;
    }
    const entries = steps.get(found.step) ?? new Map<string, FileSeen[]>();
    steps.set(found.step, entries);
    entries.set(found.entry, [...(entries.get(found.entry) ?? []), file]);
  }
  return { steps, stepless };
}

function stepCandidate(step: number, entries: Entries, companions: readonly FileSeen[]): Candidate {
  const files = Array.from(entries.values()).flat();
  return { recogniser: 'plain', entry: entryOf(entries), step, files, companions, marker: null };
}

/** The one entry of a step; of a folder and files beside it the folder; of several files the checkpoint folder. */
function entryOf(entries: Entries): string {
  const names = Array.from(entries.keys());
  const folders = names.filter((name) => entries.get(name)?.some((file) => file.path !== name));
  const [only] = names.length === 1 ? names : folders.length === 1 ? folders : [];
  return only ?? '.';
}

function wholeFolder(stepless: readonly FileSeen[]): readonly Candidate[] {
  const counting = stepless.filter((file) => !isSideFile(file.path));
  const files = counting.length > 0 ? counting : stepless.filter((file) => isDatabase(file.path));
  const [first] = files;
  if (first === undefined) return [];
  const entry = files.length === 1 ? first.path : '.';
  const companions = stepless.filter((file) => !files.includes(file));
  return [{ recogniser: 'plain', entry, step: null, files, companions, marker: null }];
}
