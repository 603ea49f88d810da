import { newNonce } from '@runctl/core';
import {
  FORMAT_VERSION,
  type LeftBehind,
  type Manifest,
  type ManifestFile,
  type Metrics,
  timestampOf,
} from '@runctl/protocol';
import { movePointer, type Publishing, writeManifest } from '../ledger/commit.ts';
import type { CompleteCandidate } from '../look/inspect.ts';
import type { Ledger, Standing } from '../ledger/ledger.ts';
import { savedAtMsOf } from '../look/plan.ts';
import type { DataPlaces } from '../upload/data-places.ts';
import { uploadCandidate, type UploadResult, type UploadStage } from './upload-candidate.ts';

export interface CommitStage extends Publishing {
  readonly ledger: Pick<Ledger, 'forgetNumbers'>;
  readonly standing: Standing;
  readonly places: DataPlaces;
  readonly step: number | null;
  readonly metrics: Metrics;
  /** The script deletes old saves itself. */
  readonly ownRetention: boolean;
  /** Keys of the earlier manifests that belong to this checkpoint, none of which is deleted from now on. */
  readonly companions: () => readonly string[];
  /** Which of the files in the folder a restore of these, and of what these companions add, does not bring. */
  readonly leftBehind: (files: readonly ManifestFile[], companions: readonly string[]) => LeftBehind | null;
}

/**
 * `committed`: `latest.json` names the new manifest. `identical`: the manifest that it names has the same content
 * already. `abandoned`: nothing was committed, and a later pass may succeed. `companions` are those that are durable
 * as they are now.
 */
export type PublishResult =
  | ({ readonly kind: 'committed'; readonly manifest: Manifest } & Pick<CompleteCandidate, 'companions'>)
  | Exclude<UploadResult, Uploaded>;

type Uploaded = Extract<UploadResult, { kind: 'uploaded' }>;

/**
 * Makes one complete candidate durable: writes its bytes, then the manifest, then the pointer, so that a crash before
 * the last of them leaves the previous checkpoint in place. Pruning deletes what was written before a crash. Rejects
 * with PublishingRefused when this machine may not publish (any more), and as the store and the file system do.
 */
export async function publishCandidate(
  complete: CompleteCandidate,
  stages: UploadStage & CommitStage,
): Promise<PublishResult> {
  const upload = await uploadCandidate(complete, stages);
  return upload.kind === 'uploaded' ? commitCandidate(complete, upload, stages) : upload;
}

/** Commits what was uploaded. Rejects as `writeManifest` and `movePointer` do; it may be committed then. */
async function commitCandidate(
  complete: CompleteCandidate,
  uploaded: Uploaded,
  stage: CommitStage,
): Promise<PublishResult> {
  const { ledger, places, standing } = stage;
  const manifest = manifestOf(complete, uploaded, stage);
  // Even if the write below seems to fail, a manifest may exist under this number from now on.
  places.spend(uploaded.place);
  if (!(await writeManifest(stage, manifest))) {
    ledger.forgetNumbers();
    return { kind: 'abandoned', why: `another manifest bears number ${manifest.generation}-${manifest.seq}` };
  }
  await movePointer(stage, manifest, standing.pointer ?? standing.damaged);
  return { kind: 'committed', manifest, companions: uploaded.companions };
}

function manifestOf(
  { candidate, evidence }: CompleteCandidate,
  { files, nodes, place }: Uploaded,
  { clock, companions: named, leftBehind: leftBehindBy, metrics, ownRetention, standing, step }: CommitStage,
): Manifest {
  const companions = named();
  const leftBehind = leftBehindBy(files, companions);
  return {
    version: FORMAT_VERSION,
    ...place.order,
    nonce: newNonce(),
    step,
    previous: standing.previousKey,
    recogniser: candidate.recogniser,
    evidence,
    entry: candidate.entry,
    nodes: [...nodes],
    files: [...files],
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
    ...(companions.length === 0 ? {} : { companions: [...companions] }),
    ...(ownRetention ? { ownRetention } : {}),
    ...(leftBehind === null ? {} : { leftBehind }),
    savedAt: timestampOf(savedAtMsOf(candidate)),
    at: timestampOf(clock.wallMs()),
  };
}
