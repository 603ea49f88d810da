import type { Doubt, FileSeen } from '../../contract/recogniser.ts';
import { examineDcpWithin } from './dcp.ts';
import { moreMayCome, newerThan, othersMayBeWriting } from './doubts.ts';
import { missingFromSet } from './file-sets.ts';
import {
  finding,
  type Finding,
  type Folder,
  type FolderRule,
  folderRecogniser,
  isBelow,
  type FrameworkLook,
} from './folders.ts';
import { missingRank } from './ranks.ts';
import { examineTrackedWithin } from './tracked.ts';
import { isModelFile, isOnlyModelFiles } from './weights.ts';

const NAME = /^checkpoint-(\d+)$/;
const STATE = 'trainer_state.json';
const ARGUMENTS = 'training_args.bin';
const RNG = /^rng_state(?:_(\d+))?\.pth$/;
const ACCELERATE = /^(?:random_states_\d+\.pkl|optimizer(?:_\d+)?\.bin|scheduler(?:_\d+)?\.bin|sampler(?:_\d+)?\.bin)$/;

/**
 * Hugging Face's Trainer writes `checkpoint-<step>/` in place (transformers/trainer.py, `_save_checkpoint`): configuration,
 * weights and their index, `training_args.bin`, optimizer, scheduler, scaler, `rng_state.pth` (one a rank), and last
 * `trainer_state.json`. Rotation deletes folders file by file, so that the last one proves nothing by itself.
 */
const rule: FolderRule = {
  name: 'hf-trainer',
  naming: NAME,
  examine: (folder, look): Finding | null => {
    const name = NAME.exec(folder.name);
    if (name === null || Array.from(folder.own.keys()).some((own) => ACCELERATE.test(own))) return null;
    const step = Number(name[1]);
    const { own } = folder;
    const ranks = rngFiles(own);
    if (!own.has(STATE) && !own.has(ARGUMENTS) && ranks.length === 0) {
      if (!isOnlyModelFiles(folder)) return null;
      const doubt = moreMayCome(`${folder.path} has no ${STATE}: weights alone, or the beginning of a Trainer's save`);
      return finding({ step, doubt, evidence: 'weights alone' });
    }
    const state = own.get(STATE);
    if (state === undefined)
      return finding({ step, problem: `${folder.path}/${STATE}, which is written last, is missing` });
    const problem = missingFrom(folder, ranks, look);
    const doubt = problem === null ? doubtAbout(folder, state, look) : null;
    return finding({ step, problem, doubt, evidence: `${STATE}, which is written last, is there` });
  },
};

export const hfTrainerRecogniser = folderRecogniser(rule);

function rngFiles(own: Folder['own']): readonly string[] {
  return Array.from(own.keys()).filter((name) => RNG.test(name));
}

/** What a folder with `trainer_state.json` always has besides; null when all of it is there. */
function missingFrom(folder: Folder, ranks: readonly string[], look: FrameworkLook): string | null {
  const { own, path } = folder;
  const missing = (name: string): string => `${path}/${name}, which the Trainer always writes, is missing`;
  const parts = [examineDcpWithin(folder, look), examineTrackedWithin(folder, look)].filter((part) => part !== null);
  const broken = parts.find((part) => part.problem !== null);
  if (broken !== undefined) return broken.problem;
  const set = missingFromSet(folder.all, look);
  if (set !== null) return `${set}, which others of its set need, is missing`;
  if (parts.length === 0 && !own.has(ARGUMENTS)) return missing(ARGUMENTS);
  const optimizer = own.has('optimizer.pt') || own.has('optimizer.bin') || parts.length > 0;
  const state = [optimizer, own.has('scheduler.pt') || examineTrackedWithin(folder, look) !== null, ranks.length > 0];
  if (state.some(Boolean) && !state.every(Boolean))
    return missing(['optimizer.pt', 'scheduler.pt', 'rng_state.pth'][state.indexOf(false)] ?? '');
  return missingRank(path, ranks, { pattern: RNG, name: (rank) => `rng_state_${rank}.pth`, atLeast: 2 });
}

function doubtAbout(folder: Folder, state: FileSeen, look: FrameworkLook): Doubt | null {
  const { own, path } = folder;
  const before = Array.from(own).filter(
    ([name]) => /^(?:optimizer|scheduler|training_args)\./.test(name) || isModelFile(name),
  );
  const overwritten = newerThan(
    state,
    before.map(([, file]) => file),
  );
  if (overwritten !== null) return overwritten;
  const parts = [examineDcpWithin(folder, look), examineTrackedWithin(folder, look)].filter((part) => part !== null);
  const within = parts.find((part) => part.doubt !== null)?.doubt ?? null;
  if (within !== null) return within;
  if (parts.length === 0 && !folder.all.some((file) => isWeights(file.path, path)))
    return moreMayCome(`${path} has no weights of a known name: it may be being deleted`);
  const ranks = rngFiles(own);
  if (ranks.length === 0 && parts.length === 0)
    return moreMayCome(`${path} has no optimizer: saved so (save_only_model), or being deleted`);
  return ranks.includes('rng_state_0.pth')
    ? othersMayBeWriting(`other ranks may still be writing their rng_state to ${path}`)
    : null;
}

function isWeights(path: string, folder: string): boolean {
  return (
    isBelow(path, folder) &&
    /(?:\.safetensors|(?:^|\/)(?:pytorch_model|adapter_model|model)[^/]*\.(?:bin|pt|pth))$/.test(path)
  );
}
