import { accelerateRecogniser } from './frameworks/accelerate.ts';
import { dcpRecogniser } from './frameworks/dcp.ts';
import { hfTrainerRecogniser } from './frameworks/hf-trainer.ts';
import { kerasBackupRecogniser } from './frameworks/keras-backup.ts';
import { lightningRecogniser } from './frameworks/lightning.ts';
import { orbaxRecogniser } from './frameworks/orbax.ts';
import { deepspeedRecogniser, megatronRecogniser } from './frameworks/tracked.ts';
import { plainRecogniser } from './plain.ts';
import type { Recogniser } from '../contract/recogniser.ts';

/** All of them, in the order in which they are asked: those whose folders hold others' come first, `plain` last. */
export const recognisers: readonly Recogniser[] = [
  hfTrainerRecogniser,
  accelerateRecogniser,
  lightningRecogniser,
  deepspeedRecogniser,
  megatronRecogniser,
  orbaxRecogniser,
  dcpRecogniser,
  kerasBackupRecogniser,
  plainRecogniser,
];
