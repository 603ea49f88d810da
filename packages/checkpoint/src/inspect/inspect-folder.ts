import { NamesMemory, withNamedFiles } from '../look/along.ts';
import { inspect } from '../look/inspect.ts';
import { newestFirst, savedAtMsOf } from '../look/plan.ts';
import { movementOf, type MovementFacts } from '../look/movement.ts';
import { firstSeen, type Sightings } from '../look/sightings.ts';
import type { Candidate, FileSeen, FolderTree, OpenWriters, Recogniser } from '../contract/recogniser.ts';
import { keepable } from '../look/keepable.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import { folderContext, scanFolder } from '../look/scan.ts';
import { recognisers } from '../recognise/recognisers.ts';

/** A save that lacks files and has not touched any for this long is taken for abandoned. */
const SAVING_MS = 60_000;

/** What the agent's recognisers say of one candidate in a folder. */
export interface InspectedCheckpoint {
  readonly recogniser: string;
  readonly entry: string;
  readonly step: number | null;
  readonly files: readonly Pick<FileSeen, 'path' | 'sizeBytes' | 'mtimeMs'>[];
  /** Of its own files. */
  readonly sizeBytes: number;
  /** Files that would go along. */
  readonly companions: readonly string[];
  readonly savedAtMs: number;
  /** When the last of its files was written, put there or renamed. */
  readonly touchedAtMs: number;
  /** `settling`: not yet, and waiting may change that; `torn`: waiting will not; nor will it keep what can't be read. */
  readonly state: 'complete' | 'settling' | 'torn';
  readonly why: string;
}

export interface InspectedFolder {
  /** Newest first. */
  readonly checkpoints: readonly InspectedCheckpoint[];
  /** What is part of none of them, though it stands there under a name that counts. */
  readonly passedOver: readonly PassedOver[];
}

export interface InspectFolderOptions {
  readonly openWriters: OpenWriters;
  /** Wall clock of this machine. */
  readonly nowMs: number;
  readonly settleMs: number;
  readonly recognisers?: readonly Recogniser[];
}

/**
 * One look at a checkpoint folder with the eyes of the agent. Files count as having been still since
 * they were last written or put there, which one look can know; that a save goes on shows in open writers and recent times.
 * A folder that does not exist has no checkpoints.
 */
export async function inspectFolder(folder: string, options: InspectFolderOptions): Promise<InspectedFolder> {
  const tree = await scanFolder(folder);
  const context = folderContext(folder);
  const own =
    (options.recognisers ?? recognisers).map((each) => each.recognise(tree, context)).find((some) => some.length > 0) ??
    [];
  const found = withNamedFiles(own, tree, new NamesMemory().namesIn(tree.files, context));
  const facts: MovementFacts = {
    sightings: stillSinceWritten(tree),
    nowMs: options.nowMs,
    settleMs: options.settleMs,
    ended: null,
    expectedShape: null,
    arrived: new Set(),
  };
  const { candidates, passedOver } = keepable(newestFirst(found), tree);
  const checkpoints: InspectedCheckpoint[] = [];
  for (const candidate of candidates)
    checkpoints.push(described(candidate, await verdictOn(candidate, folder, { facts, options })));
  return { checkpoints, passedOver };
}

type State = Pick<InspectedCheckpoint, 'state' | 'why'>;

async function verdictOn(
  candidate: Candidate,
  folder: string,
  { facts, options }: { facts: MovementFacts; options: InspectFolderOptions },
): Promise<State> {
  // What is missing says more than what still moves.
  if (candidate.marker?.complete === false) {
    const maySaveOn = options.nowMs - touchedAtMs(candidate) < SAVING_MS;
    return { state: maySaveOn ? 'settling' : 'torn', why: candidate.marker.evidence };
  }
  const why = movementOf(candidate, facts);
  if (why !== null) return { state: 'settling', why };
  const { openWriters } = options;
  const result = await inspect(candidate, { folder, facts, openWriters, sightings: null });
  if ('why' in result) return { state: result.settling ? 'settling' : 'torn', why: result.why };
  await using held = result;
  return { state: 'complete', why: held.evidence };
}

function described(candidate: Candidate, state: State): InspectedCheckpoint {
  const { recogniser, entry, step, files, companions, trackers = [] } = candidate;
  return {
    recogniser,
    entry,
    step,
    files: files.map(({ path, sizeBytes, mtimeMs }) => ({ path, sizeBytes, mtimeMs })),
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    companions: [...trackers, ...companions].map(({ path }) => path),
    savedAtMs: savedAtMsOf(candidate),
    touchedAtMs: touchedAtMs(candidate),
    ...state,
  };
}

function touchedAtMs({ files }: Candidate): number {
  return files.reduce((latest, file) => Math.max(latest, file.mtimeMs, file.ctimeMs), 0);
}

/** Sightings as somebody had made them who watched all the time. Their clock is the wall clock. */
function stillSinceWritten(tree: FolderTree): Sightings {
  return new Map(
    tree.files.map((file) => {
      const sinceMs = Math.max(file.mtimeMs, file.ctimeMs);
      return [file.path, firstSeen(file, sinceMs)];
    }),
  );
}
