import type { SettledSets } from './companion-sets.ts';
import type { MovementFacts } from './movement.ts';
import { isSideFile } from './names.ts';
import { changedMs } from './sightings.ts';
import type { Candidate } from '../contract/recogniser.ts';
import { fingerprintOf } from './scan.ts';

/** What is known about the last checkpoint that this machine published or found to be the durable one already. */
export interface PublishedRecord {
  readonly step: number | null;
  readonly savedAtMs: number;
  /** Null when the files on this machine have not been compared with it yet. */
  readonly identity: CandidateIdentity | null;
}

/** Which files, as they were seen. Equal identities mean equal content. */
export interface CandidateIdentity {
  readonly files: string;
  readonly companions: string;
}

/**
 * Identity of a candidate with these companions. Growing logs, and what is kept apart from its set, change none while the
 * workload runs; once it has ended the last of them is wanted as well.
 */
export function candidateIdentity(
  { files }: Pick<Candidate, 'files'>,
  { companions, apart }: Pick<Candidate, 'companions'> & Partial<SettledSets>,
  ended: boolean,
): CandidateIdentity {
  return {
    files: fingerprints(files),
    companions: fingerprints(
      companions.filter(({ path }) => ended || (!isSideFile(path) && apart?.has(path) !== true)),
    ),
  };
}

/** Which files a candidate has of its own, as they were seen. */
export function filesOf({ files }: Pick<Candidate, 'files'>): CandidateIdentity['files'] {
  return fingerprints(files);
}

function fingerprints(files: Candidate['files']): string {
  return files
    .map((file) => `${file.path} ${fingerprintOf(file)}`)
    .sort()
    .join('\n');
}

/** Whether a candidate's own files, as they were seen, are those that are published. */
export function holdsFilesOf(published: PublishedRecord | null, candidate: Candidate): boolean {
  return published?.identity?.files === filesOf(candidate);
}

/** When the newest of a candidate's own files was last written. */
export function savedAtMsOf(candidate: Candidate): number {
  return Math.max(...candidate.files.map((file) => file.mtimeMs));
}

/** Whether these are the files of a checkpoint that was saved then, as far as step and time tell. */
export function isSave(
  candidate: Candidate,
  { step, savedAtMs }: Pick<PublishedRecord, 'step' | 'savedAtMs'>,
): boolean {
  return candidate.step === step && Math.trunc(savedAtMsOf(candidate)) === savedAtMs;
}

/**
 * Candidates of a lower step that were not seen to come after this one: whatever time they bear, they are taken for older. A
 * script that starts over writes its lower steps under the eyes of whoever looks.
 */
export function lowerAndNotLater(
  candidate: Candidate,
  { candidates = [], sightings }: Pick<MovementFacts, 'candidates' | 'sightings'>,
): readonly Candidate[] {
  const { step } = candidate;
  const cameMs = changedMs(sightings, candidate);
  return candidates.filter(
    (other) => step !== null && other.step !== null && other.step < step && changedMs(sightings, other) <= cameMs,
  );
}

/** By step where both have one, else by time of writing. */
export function newestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted(
    (a, b) => (a.step !== null && b.step !== null ? b.step - a.step : 0) || savedAtMsOf(b) - savedAtMsOf(a),
  );
}

/**
 * Whether a candidate came before what is published, so that it must never take its place. Only one that is behind both
 * in steps and in time: steps fall when a script starts over, and time falls when the clock is set.
 */
export function isOlder(candidate: Candidate, published: PublishedRecord | null): boolean {
  if (published === null || candidate.step === null || published.step === null) return false;
  const stepsBehind = candidate.step < published.step;
  return stepsBehind && savedAtMsOf(candidate) <= published.savedAtMs;
}
