import { newerThan } from './doubts.ts';
import { finding, type Finding, type FolderRule, folderRecogniser } from './folders.ts';

const WEIGHTS = 'latest.weights.h5';
const METADATA = 'training_metadata.json';

/**
 * Keras's `BackupAndRestore` (keras/src/callbacks/backup_and_restore.py): copies the last save to `.bkp`, then writes
 * `latest.weights.h5` and `training_metadata.json` in place, every time the same files. Its step is the epoch.
 */
const rule: FolderRule = {
  name: 'keras-backup',
  examine: (folder, look): Finding | null => {
    const [weights, metadata] = [folder.own.get(WEIGHTS), folder.own.get(METADATA)];
    if (weights === undefined && metadata === undefined) return null;
    const place = folder.path === '' ? '' : `${folder.path}/`;
    if (weights === undefined) return finding({ step: null, problem: `${place}${WEIGHTS} is missing` });
    if (metadata === undefined)
      return finding({ step: null, problem: `${place}${METADATA}, which is written last, is missing` });
    const step = epochIn(look.readText(metadata.path));
    if (step === null) return finding({ step, problem: `${metadata.path} names no epoch` });
    const doubt = newerThan(metadata, [weights]);
    return finding({ step, doubt, evidence: `${METADATA}, which is written last, names epoch ${step}` });
  },
};

export const kerasBackupRecogniser = folderRecogniser(rule);

function epochIn(text: string | null): number | null {
  try {
    const epoch = (JSON.parse(text ?? '') as { epoch?: unknown } | null)?.epoch;
    return typeof epoch === 'number' && Number.isSafeInteger(epoch) && epoch >= 0 ? epoch : null;
  } catch {
    return null;
  }
}
