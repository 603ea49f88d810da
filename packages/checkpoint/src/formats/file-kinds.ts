import type { FileSeen, RecogniseContext } from '../contract/recogniser.ts';

const ZIP_START = Buffer.from('PK\u0003\u0004', 'latin1');

/** The first key of an XGBoost model in either format. */
const XGBOOST_HEAD_BYTES = 64;
const PLAIN_KINDS: ReadonlySet<string> = new Set(['plain', 'safetensors', 'keras', 'xgboost', 'torch-save']);

const WEIGHTS = /\.(?:pt|pth|ckpt|bin|h5|keras|safetensors|msgpack|distcp|tar|ubj)$/i;

/** Whether a file bears the extension that weights or the state of an optimizer are saved under. */
export function isWeightsName(path: string): boolean {
  return WEIGHTS.test(path);
}

/** Whether files were grouped by their names alone, not by the layout of a framework. */
export function isPlainKind(recogniser: string): boolean {
  return PLAIN_KINDS.has(recogniser);
}

/** Whose format all files of a set without a framework's own layout have, by their names and first bytes. */
export function formatOf(files: readonly FileSeen[], context: Pick<RecogniseContext, 'readStart'>): string {
  const every = (pattern: RegExp): boolean => files.every((file) => pattern.test(file.path));
  if (every(/\.safetensors(?:\.index\.json)?$|(?:^|\/)[a-z_]*config\.json$/) && !every(/\.json$/)) return 'safetensors';
  if (every(/\.(?:keras|h5)$/)) return 'keras';
  const begins = (bytes: number, test: (head: Buffer) => boolean): boolean =>
    files.every((file) => test(context.readStart(file.path, bytes) ?? Buffer.alloc(0)));
  if (every(/\.(?:ubj|json)$/) && begins(XGBOOST_HEAD_BYTES, (head) => head.includes('learner'))) return 'xgboost';
  if (!every(/\.(?:pt|pth|ckpt|bin)$/)) return 'plain';
  return begins(ZIP_START.length, (head) => head.equals(ZIP_START)) ? 'torch-save' : 'plain';
}
