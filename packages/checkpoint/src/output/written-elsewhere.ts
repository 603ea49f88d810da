import { posix } from 'node:path';
import { formatBytes } from '@runctl/core';

/** From so many bytes on a file counts, whatever it is called. */
export const LARGE_FILE_BYTES = 1024 * 1024;
/** What trainings call their models and states. */
const MODEL = /\.(?:pt|pth|ckpt|bin|safetensors|h5|hdf5|keras|npz|npy|pkl|pickle|joblib|onnx|ubj|msgpack|gguf|zip)$/i;
/** Caches, trackers' folders, and what is fetched rather than made. */
const PASSED_OVER =
  /^(?:\.|__pycache__$|node_modules$|wandb$|mlruns$|data(?:sets?)?$|downloads?$|caches?$|site-packages$)/;

/** A file that a script wrote outside of what is kept. */
export interface WrittenFile {
  /** Relative to the project, or `~/…` beside it. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** Whether nothing in a folder or file of this name is looked at. */
export function isPassedOver(name: string): boolean {
  return PASSED_OVER.test(name);
}

/** Names the largest file that looks like what a training is for, and what to do about it; null for none. */
export function elsewhereText(
  files: readonly WrittenFile[],
  { besideModels }: { readonly besideModels: boolean },
): string | null {
  const counted = files.filter(
    ({ path, sizeBytes }) => sizeBytes >= LARGE_FILE_BYTES || (besideModels && MODEL.test(path)),
  );
  const [largest, ...others] = counted.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  if (largest === undefined) return null;
  const { path, sizeBytes } = largest;
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `the script wrote ${path} (${formatBytes(sizeBytes)})${more} outside the checkpoint folder, gone with the machine: ${remedyFor(path)}`;
}

function remedyFor(path: string): string {
  const folder = posix.dirname(path);
  if (folder === '.' || folder === '~') return 'save it below $RUNCTL_CHECKPOINT_DIR';
  if (folder.startsWith('~')) return 'save it below $RUNCTL_CHECKPOINT_DIR, or in a folder that --output-dir names';
  return `--checkpoint-dir ${folder} if it is a state to go on from, else --output-dir ${folder}`;
}
