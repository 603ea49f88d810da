import { randomBytes } from 'node:crypto';
import { safetensorsOf, zipOf } from '@runctl/testkit';

type Save = readonly (readonly [path: string, content: Uint8Array])[];

/** How one framework lays a save out. */
export interface Layout {
  readonly name: string;
  readonly recogniser: string;
  /** The files of a save of about this size, in the order in which they are written. */
  readonly save: (step: number, sizeBytes: number) => Save;
  /** False: it has no files but its own. */
  readonly stepless?: false;
}

const padded = (number: number): string => String(number).padStart(7, '0');
const text = (content: string): Uint8Array => Buffer.from(content);
const weights = (sizeBytes: number): Uint8Array => zipOf(randomBytes(sizeBytes));
const tensor = (sizeBytes: number): Uint8Array => safetensorsOf(randomBytes(Math.ceil(sizeBytes / 4) * 4));
const inFolder = (folder: string, files: Save): Save => files.map(([name, content]) => [`${folder}/${name}`, content]);

const short = (value: string): string => `\u008c${String.fromCodePoint(value.length)}${value}`;
/** A Lightning checkpoint's state as far as it tells what it is: see `recognise/frameworks/lightning.ts`. */
function lightning(step: number, sizeBytes: number): Uint8Array {
  const head = `${short('pytorch-lightning_version')}\u0094X\u0003\0\0\0global_stepK${String.fromCodePoint(step)}`;
  return zipOf(Buffer.concat([Buffer.from(head, 'latin1'), randomBytes(sizeBytes)]));
}

export const layouts: readonly Layout[] = [
  {
    name: 'Trainer',
    recogniser: 'hf-trainer',
    save: (step, sizeBytes) =>
      inFolder(`checkpoint-${step}`, [
        ['model.safetensors', tensor(sizeBytes)],
        ...['optimizer.pt', 'scheduler.pt', 'rng_state.pth', 'training_args.bin'].map(
          (name) => [name, weights(1000)] as const,
        ),
        ['trainer_state.json', text(`{"global_step": ${step}}`)],
      ]),
  },
  {
    name: 'Accelerate',
    recogniser: 'accelerate',
    save: (step, sizeBytes) =>
      inFolder(`checkpoint_${step}`, [
        ['model.safetensors', tensor(sizeBytes)],
        ['optimizer.bin', weights(1000)],
        ['scheduler.bin', weights(1000)],
        ['random_states_0.pkl', weights(1000)],
      ]),
  },
  {
    name: 'Lightning, save_top_k=-1',
    recogniser: 'lightning',
    save: (step, sizeBytes) => [[`epoch=0-step=${step}.ckpt`, lightning(step, sizeBytes)]],
  },
  {
    name: 'DeepSpeed',
    recogniser: 'deepspeed',
    save: (step, sizeBytes) => [
      [`global_step${step}/mp_rank_00_model_states.pt`, weights(sizeBytes)],
      [`global_step${step}/zero_pp_rank_0_mp_rank_00_optim_states.pt`, weights(1000)],
      ['latest', text(`global_step${step}`)],
    ],
  },
  {
    name: 'Megatron',
    recogniser: 'megatron',
    save: (step, sizeBytes) => [
      [`iter_${padded(step)}/mp_rank_00/model_optim_rng.pt`, weights(sizeBytes)],
      ['latest_checkpointed_iteration.txt', text(String(step))],
    ],
  },
  {
    name: 'Orbax',
    recogniser: 'orbax',
    save: (step, sizeBytes) =>
      inFolder(String(step), [
        ['default/manifest.ocdbt', randomBytes(100)],
        ['default/d/0123456789abcdef', randomBytes(sizeBytes)],
        ['default/_METADATA', text('{}')],
        ['_CHECKPOINT_METADATA', text('{"item_handlers": {"default": "x"}}')],
      ]),
  },
  {
    name: 'torch.distributed.checkpoint',
    recogniser: 'torch-dcp',
    save: (step, sizeBytes) =>
      inFolder(`step_${step}`, [
        ['__0_0.distcp', randomBytes(sizeBytes)],
        ['.metadata', Buffer.from('\u0080\u0002__0_0.distcp.', 'latin1')],
      ]),
  },
  {
    name: 'Keras, BackupAndRestore',
    recogniser: 'keras-backup',
    save: (step, sizeBytes) => [
      ['latest.weights.h5', randomBytes(sizeBytes)],
      ['training_metadata.json', text(`{"epoch": ${step}}`)],
    ],
  },
  {
    name: 'safetensors',
    recogniser: 'safetensors',
    save: (step, sizeBytes) => [[`model-${step}.safetensors`, tensor(sizeBytes)]],
  },
  {
    name: 'Keras, ModelCheckpoint',
    recogniser: 'keras',
    save: (step, sizeBytes) => [[`model_${step}.keras`, zipOf(randomBytes(sizeBytes), 'model.weights.h5')]],
  },
  {
    name: 'XGBoost',
    recogniser: 'xgboost',
    save: (step, sizeBytes) => [
      [`model_${step}.json`, text(`{"learner": {"weights": "${'x'.repeat(sizeBytes)}"}, "version": [2, 1, 1]}`)],
    ],
  },
  {
    name: 'torch.save',
    recogniser: 'torch-save',
    save: (step, sizeBytes) => [
      [`model_${step}.pt`, weights(sizeBytes)],
      [`optimizer_${step}.pt`, weights(1000)],
    ],
  },
  { name: 'a format of its own', recogniser: 'plain', save: (step, size) => [[`step_${step}.dat`, randomBytes(size)]] },
  {
    name: 'one file that is overwritten',
    recogniser: 'torch-save',
    save: (_, sizeBytes) => [['model.pt', weights(sizeBytes)]],
    stepless: false,
  },
];
