import { stepInName } from '../../look/names.ts';
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
  type FrameworkLook,
} from './folders.ts';
import { missingRank } from './ranks.ts';
import { examineTrackedWithin } from './tracked.ts';
import { isOnlyModelFiles } from './weights.ts';

const NAME = /^checkpoint_(\d+)$/;
const RANDOM = /^random_states_(\d+)\.pkl$/;
const CUSTOM = /^custom_checkpoint_(\d+)\.pkl$/;
const SIGNS = /^(?:random_states_\d+\.pkl|optimizer(?:_\d+)?\.bin|scheduler(?:_\d+)?\.bin|sampler(?:_\d+)?\.bin)$/;

/**
 * `Accelerator.save_state` writes in place (accelerate/checkpointing.py): weights, `optimizer.bin`, `scheduler.bin`, samplers,
 * scaler, `random_states_<rank>.pkl` of every rank, then `custom_checkpoint_<n>.pkl` of what the script registered. How many
 * of the last there are nothing tells. The folder's number counts saves where Accelerate names it itself.
 */
const rule: FolderRule = {
  name: 'accelerate',
  naming: NAME,
  examine: (folder, look): Finding | null => {
    const names = Array.from(folder.own.keys());
    const step = folder.path === '' ? null : stepInName(folder.name);
    if (!names.some((name) => SIGNS.test(name))) {
      if (!NAME.test(folder.name) || !isOnlyModelFiles(folder)) return null;
      const doubt = moreMayCome(`${folder.path} has weights alone, or is the beginning of a save by Accelerate`);
      return finding({ step, doubt, evidence: 'weights alone' });
    }
    const problem = missingFrom(folder, names, look);
    const doubt = problem === null ? doubtAbout(folder, look) : null;
    return finding({
      step,
      problem,
      doubt,
      evidence: 'random_states_0.pkl, which is written after the rest, is there',
    });
  },
};

export const accelerateRecogniser = folderRecogniser(rule);

function missingFrom(folder: Folder, names: readonly string[], look: FrameworkLook): string | null {
  const parts = [examineDcpWithin(folder, look), examineTrackedWithin(folder, look)];
  const broken = parts.find((part) => (part?.problem ?? null) !== null)?.problem ?? null;
  if (broken !== null) return broken;
  const set = missingFromSet(folder.all, look);
  if (set !== null) return `${set}, which others of its set need, is missing`;
  const place = folder.path === '' ? '' : `${folder.path}/`;
  if (!folder.own.has('random_states_0.pkl')) return `${place}random_states_0.pkl, which is written last, is missing`;
  return (
    missingRank(folder.path, names, { pattern: RANDOM, name: (rank) => `random_states_${rank}.pkl`, atLeast: 1 }) ??
    missingRank(folder.path, names, { pattern: CUSTOM, name: (rank) => `custom_checkpoint_${rank}.pkl`, atLeast: 1 })
  );
}

function doubtAbout(folder: Folder, look: FrameworkLook): Doubt | null {
  const { own, all, path } = folder;
  const last = own.get('random_states_0.pkl');
  const earlier = Array.from(own).filter(([name]) => /^(?:model|pytorch_model|optimizer|scheduler)[_.]/.test(name));
  const overwritten =
    last === undefined
      ? null
      : newerThan(
          last,
          earlier.map(([, file]) => file),
        );
  if (overwritten !== null) return overwritten;
  const parts = [examineDcpWithin(folder, look), examineTrackedWithin(folder, look)].filter((part) => part !== null);
  const within = parts.find((part) => part.doubt !== null)?.doubt ?? null;
  if (within !== null || parts.length > 0) return within;
  const lacking = ['weights', 'optimizer.bin', 'scheduler.bin'].filter((name) =>
    name === 'weights' ? !all.some(isWeights) : !own.has(name),
  );
  if (lacking.length > 0) return moreMayCome(`${path} has no ${lacking.join(', no ')}: saved so, or being deleted`);
  return own.has('random_states_1.pkl')
    ? othersMayBeWriting(`other ranks may still be writing their random_states to ${path}`)
    : null;
}

function isWeights({ path }: FileSeen): boolean {
  return path.endsWith('.safetensors') || /(?:^|\/)pytorch_model[^/]*\.bin$/.test(path);
}
