import type { DrillReportEvent } from '@runctl/protocol/events';

/** A small real training that is rehearsed, and what the rehearsal must say of it. */
export interface PeerDrill {
  readonly name: string;
  /** In this repository. */
  readonly script: string;
  /** Distribution whose version the table tells, the first of those that it imports. */
  readonly needs: readonly [string, ...string[]];
  readonly framework: string;
  /** What the script does to survive, or leaves out. */
  readonly does: string;
  /** Steps, and seconds each. */
  readonly args: readonly [string, string];
  readonly verdict: DrillReportEvent['verdict'];
  /** In its reasons or advice. */
  readonly says?: RegExp;
  /** How much the step that a life begins at is higher than the step in the name of its checkpoint. */
  readonly beginsBehind?: number;
}

const RECIPES = 'examples/frameworks';
const CARELESS = 'e2e/peers/careless';
const LENGTH = ['300', '0.15'] as const;
const EPOCHS = ['12', '0.15'] as const;

export const DRILLS: readonly PeerDrill[] = [
  {
    name: 'trainer-callback',
    script: `${RECIPES}/trainer-callback.py`,
    needs: ['transformers', 'accelerate', 'torch'],
    framework: 'HF Trainer',
    does: '`save_strategy="steps"`, `resume_from_checkpoint`, callback on SIGTERM',
    args: LENGTH,
    verdict: 'safe',
  },
  {
    name: 'trainer-jit',
    script: `${RECIPES}/trainer-jit.py`,
    needs: ['transformers', 'accelerate', 'torch'],
    framework: 'HF Trainer',
    does: '`save_strategy="steps"`, `resume_from_checkpoint`, `enable_jit_checkpoint`',
    args: LENGTH,
    // It saves before a step, which it then still trains.
    verdict: 'unsafe',
    says: /: 1 step was lost/,
  },
  {
    name: 'trainer-no-sigterm',
    script: `${CARELESS}/trainer-no-sigterm.py`,
    needs: ['transformers', 'accelerate', 'torch'],
    framework: 'HF Trainer',
    does: '`save_strategy="steps"`, `resume_from_checkpoint`, nothing on SIGTERM',
    args: LENGTH,
    verdict: 'unsafe',
    says: /no new complete checkpoint.*control\.should_save/s,
  },
  {
    name: 'lightning-save-on-exception',
    script: `${RECIPES}/lightning-save-on-exception.py`,
    needs: ['lightning', 'torch'],
    framework: 'Lightning',
    does: '`save_top_k=-1`, `save_on_exception=True`, `ckpt_path`',
    args: LENGTH,
    verdict: 'safe',
  },
  {
    name: 'lightning-save-last',
    script: `${RECIPES}/lightning-save-last.py`,
    needs: ['lightning', 'torch'],
    framework: 'Lightning',
    does: '`save_last=True`, `save_on_exception=True`, `ckpt_path`',
    args: LENGTH,
    verdict: 'safe',
  },
  {
    name: 'lightning-no-exception',
    script: `${CARELESS}/lightning-no-exception.py`,
    needs: ['lightning', 'torch'],
    framework: 'Lightning',
    does: '`save_top_k=-1`, `ckpt_path`, no `save_on_exception`',
    args: LENGTH,
    verdict: 'unsafe',
    says: /no new complete checkpoint.*save_on_exception=True/s,
  },
  {
    name: 'keras-backup',
    script: `${RECIPES}/keras-backup.py`,
    needs: ['keras', 'jax', 'h5py'],
    framework: 'Keras (JAX)',
    does: '`BackupAndRestore(delete_checkpoint=False)`, backed up once more on SIGTERM',
    args: EPOCHS,
    verdict: 'safe',
  },
  {
    name: 'keras-no-sigterm',
    script: `${CARELESS}/keras-no-sigterm.py`,
    needs: ['keras', 'jax', 'h5py'],
    framework: 'Keras (JAX)',
    does: '`BackupAndRestore` as it is by default, nothing on SIGTERM',
    args: EPOCHS,
    verdict: 'unsafe',
    says: /Keras/,
  },
  {
    name: 'accelerate-flag',
    script: `${RECIPES}/accelerate-flag.py`,
    needs: ['accelerate', 'torch'],
    framework: 'accelerate',
    does: '`save_state` into `step_N`, renamed, and on SIGTERM; `load_state`',
    args: LENGTH,
    verdict: 'safe',
  },
  {
    name: 'accelerate-no-sigterm',
    script: `${CARELESS}/accelerate-no-sigterm.py`,
    needs: ['accelerate', 'torch'],
    framework: 'accelerate',
    does: '`save_state` in place, `load_state`, nothing on SIGTERM',
    args: LENGTH,
    verdict: 'unsafe',
    says: /accelerate/,
  },
  {
    name: 'torchrun',
    script: `${RECIPES}/torchrun-two-ranks.sh`,
    needs: ['torch'],
    framework: 'torchrun, two ranks',
    does: 'ranks agree to stop, rank 0 saves and renames',
    args: LENGTH,
    verdict: 'safe',
  },
  {
    name: 'torchrun-no-sigterm',
    script: `${CARELESS}/torchrun-no-sigterm.sh`,
    needs: ['torch'],
    framework: 'torchrun, two ranks',
    does: 'rank 0 saves, nothing on SIGTERM',
    args: LENGTH,
    verdict: 'unsafe',
    says: /no new complete checkpoint/,
  },
  {
    name: 'xgboost-callback',
    script: `${RECIPES}/xgboost-callback.py`,
    needs: ['xgboost-cpu'],
    framework: 'XGBoost',
    does: '`TrainingCheckPoint`, callback on SIGTERM, `xgb_model` and the rounds that are left',
    args: LENGTH,
    verdict: 'safe',
    beginsBehind: 1, // model_19.ubj holds 20 rounds
  },
  {
    name: 'xgboost-no-sigterm',
    script: `${CARELESS}/xgboost-no-sigterm.py`,
    needs: ['xgboost-cpu'],
    framework: 'XGBoost',
    does: '`TrainingCheckPoint`, starts anew',
    args: LENGTH,
    verdict: 'unsafe',
    says: /XGBoost/,
  },
];
