import { type Incomplete, judgeCandidate } from './judge.ts';
import type { SettledSets } from './companion-sets.ts';
import type { MovementFacts } from './movement.ts';
import type { Candidate, OpenWriters } from '../contract/recogniser.ts';
import { structureOf, type StructureFinding } from '../formats/structure.ts';
import type { FolderSightings } from './folder-sightings.ts';
import { type HeldFiles, holdFiles } from './held-files.ts';

/** A candidate found complete, its files held open. `companions` are those of its companions that are complete too. */
export interface CompleteCandidate extends AsyncDisposable, SettledSets {
  readonly candidate: Candidate;
  readonly evidence: string;
  readonly held: HeldFiles;
}

async function findingsOf({ files }: HeldFiles, known: FolderSightings | null): Promise<Map<string, StructureFinding>> {
  const findings = new Map<string, StructureFinding>();
  for (const file of files) {
    const { version } = file;
    findings.set(version.path, await (known?.structureOf(version, file) ?? structureOf(version.path, file)));
  }
  return findings;
}

function isWhole(findings: ReadonlyMap<string, StructureFinding>, path: string): boolean {
  return findings.get(path)?.verdict === 'whole';
}

export interface InspectOptions {
  readonly folder: string;
  readonly facts: MovementFacts;
  readonly openWriters: OpenWriters;
  /** What is known of the folder's files, which grows by what is found; null for a look of one time. */
  readonly sightings: FolderSightings | null;
}

/**
 * Opens a candidate whose movement allows it and judges what is in the open files. Files first, writers second: whoever
 * opens one for writing after that shows as a change when the files are looked at again before the commit.
 */
export async function inspect(
  candidate: Candidate,
  { folder, facts, openWriters, sightings }: InspectOptions,
): Promise<CompleteCandidate | Incomplete> {
  if (candidate.unkept !== undefined) return { why: candidate.unkept, settling: false, needsUser: true };
  const opened = await holdFiles(folder, candidate.files, candidate.companions);
  if ('problem' in opened)
    return {
      why: `${opened.path} ${opened.problem}`,
      // What changed or went away just now somebody writes to still, though the workload has ended: the next look tells.
      ...(opened.forbidden ? { settling: false, needsUser: true } : { settling: true }),
    };
  const { held } = opened;
  try {
    const versions = held.files.map((file) => file.version);
    const writers = await openWriters.among(versions);
    const findings = await findingsOf(held, sightings);
    const unreadable = new Set(held.forbidden.map(({ path }) => path));
    const readable = { ...candidate, companions: candidate.companions.filter(({ path }) => !unreadable.has(path)) };
    const verdict = judgeCandidate(readable, { ...facts, structures: findings, writers });
    const changed = await held.changed();
    if (facts.ended === null && writers !== null)
      sightings?.finished(
        versions.filter(({ inode, path }) => isWhole(findings, path) && !writers.has(inode) && !changed.has(path)),
      );
    const moved = candidate.files.find((file) => changed.has(file.path));
    if (verdict.complete && moved === undefined) {
      const { apart, evidence } = verdict;
      const companions = verdict.companions.filter((file) => !changed.has(file.path));
      return { candidate, companions, apart, evidence, held, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() };
    }
    await held[Symbol.asyncDispose]();
    return verdict.complete ? { why: `${moved?.path} changed while being looked at`, settling: true } : verdict;
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}
