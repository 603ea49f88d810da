import { type LatestPointer, type Manifest, runKeys } from '@runctl/protocol';
import { isSideFile } from '../look/names.ts';
import type { Candidate } from '../contract/recogniser.ts';
import type { PassedOver } from '../contract/passed-over.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { CandidateReport, DurableCheckpoint, PassReport } from '../contract/publisher-port.ts';

/** What a pass has found so far. */
export interface Findings {
  published: Manifest | null;
  readonly candidates: CandidateReport[];
  readonly notDurable: string[];
  readonly passedOver: PassedOver[];
  refused: PassReport['refused'];
  unsettled: boolean;
  againInMs?: number;
  error: unknown;
}

export function newFindings(): Findings {
  return {
    published: null,
    candidates: [],
    notDurable: [],
    passedOver: [],
    refused: null,
    unsettled: false,
    error: null,
  };
}

/** Something is still changing, or has just done so: the next look is due in `againInMs`. */
export function unsettled(found: Findings, againInMs: number): void {
  found.unsettled = true;
  found.againInMs = Math.min(found.againInMs ?? Infinity, againInMs);
}

export function durableOf(run: string, manifest: Manifest, pointer?: LatestPointer): DurableCheckpoint {
  const { step, savedAt, at } = manifest;
  return { manifest: runKeys(run).manifest(manifest), step, savedAt, at: pointer?.at ?? at };
}

/** Companions that could not go along as they are now. The next pass brings them. */
export function leftOut({ companions }: CompleteCandidate, taken: Pick<Candidate, 'companions'>): readonly string[] {
  return companions
    .filter((file) => !taken.companions.some((other) => other.path === file.path))
    .map((file) => `${file.path}: left out so that the checkpoint comes first`);
}

/** Whether a companion that counts is not complete yet. For one that may not be read nobody waits. */
export function lacksCompanions({ candidate, companions, held }: CompleteCandidate): boolean {
  const complete = new Set([...companions, ...held.forbidden].map((file) => file.path));
  return candidate.companions.some((file) => !isSideFile(file.path) && !complete.has(file.path));
}

export function describe(candidate: Candidate): string {
  return candidate.step === null ? candidate.entry : `${candidate.entry} (step ${candidate.step})`;
}
