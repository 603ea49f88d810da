import { isSideFile, nameOf } from '../../look/names.ts';
import type { FileSeen } from '../../contract/recogniser.ts';
import { type Folder } from './folders.ts';

const WEIGHTS = /^(?:model|pytorch_model|adapter_model|diffusion_pytorch_model)(?:[-_.]\S*)?\.(?:safetensors|bin)$/;
const DESCRIPTIONS =
  /^(?:(?:config|generation_config|adapter_config|preprocessor_config|processor_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template)\.json|merges\.txt|vocab\.txt|tokenizer\.model|spiece\.model|chat_template\.jinja|.*\.index\.json)$/;

/** Weights as Hugging Face's libraries name them. */
export function isModelFile(name: string): boolean {
  return WEIGHTS.test(name);
}

/** What `save_pretrained` writes beside weights, most of it before them. */
export function isDescription(path: string): boolean {
  return DESCRIPTIONS.test(nameOf(path));
}

/** Whether a folder holds what `save_pretrained` writes and nothing else, as at the beginning of a trainer's save. */
export function isOnlyModelFiles(folder: Folder): boolean {
  return onlyModelFiles(folder.all);
}

function onlyModelFiles(files: readonly FileSeen[]): boolean {
  const counting = files.filter((file) => !isSideFile(file.path));
  return counting.length > 0 && counting.every((file) => isModelFile(nameOf(file.path)) || isDescription(file.path));
}
