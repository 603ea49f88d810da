import { nameOf, parentOf } from '../../look/names.ts';

import type { FileSeen, RecogniseContext } from '../../contract/recogniser.ts';

const SHARD = /^(.*?)[-_.](\d+)-of-(\d+)(.*)$/;
/** Nobody writes more shards than this, so a larger number is no count. */
const MOST_SHARDS = 100_000;
const INDEX = /\.(?:safetensors|bin)\.index\.json$/;
const INDEX_LIMIT_BYTES = 8 * 1024 * 1024;

/**
 * The first file that others of a set say must be there: shards `00001-of-00003` (transformers, TensorFlow), the index of
 * sharded weights, every shard an index names (`weight_map` of `model.safetensors.index.json`), the `.index` of TensorFlow's
 * data shards. Null when nothing is missing.
 */
export function missingFromSet(
  files: readonly FileSeen[],
  context: Pick<RecogniseContext, 'readStart'>,
): string | null {
  const paths = new Set(files.map((file) => file.path));
  for (const file of files) {
    const missing = missingShard(file.path, paths) ?? missingOfIndex(file, paths, context);
    if (missing !== null) return missing;
  }
  return null;
}

function missingShard(path: string, paths: ReadonlySet<string>): string | null {
  const [, stem, index, count, end] = SHARD.exec(nameOf(path)) ?? [];
  if (stem === undefined || index === undefined || count === undefined || end === undefined) return null;
  const shards = Number(count);
  if (!(shards >= 1 && shards <= MOST_SHARDS) || Number(index) > shards) return null;
  const start = path.slice(0, path.length - nameOf(path).length);
  const place = (n: number): string => path.replace(`${index}-of-`, `${String(n).padStart(index.length, '0')}-of-`);
  const first = Number(index) === 0 || paths.has(place(0)) ? 0 : 1;
  for (let n = first; n < first + shards; n++) if (!paths.has(place(n))) return place(n);
  const lists = /^\.(?:safetensors|bin)$/.test(end) ? `${start}${stem}${end}.index.json` : null;
  const tensorflow = stem.endsWith('.data') ? `${start}${stem.replace(/\.data$/, '.index')}` : null;
  return [lists, tensorflow].find((needed) => needed !== null && !paths.has(needed)) ?? null;
}

function missingOfIndex(
  { path }: FileSeen,
  paths: ReadonlySet<string>,
  context: Pick<RecogniseContext, 'readStart'>,
): string | null {
  if (path.endsWith('.index') && /ckpt|variables|checkpoint|weights/i.test(nameOf(path))) {
    const data = `${path.slice(0, -'.index'.length)}.data-`;
    return Array.from(paths).some((other) => other.startsWith(data)) ? null : `${data}*`;
  }
  if (!INDEX.test(path)) return null;
  const folder = parentOf(path);
  for (const name of shardsNamed(context.readStart(path, INDEX_LIMIT_BYTES))) {
    const place = folder === '' ? name : `${folder}/${name}`;
    if (!paths.has(place)) return place;
  }
  return null;
}

/** Names in a `weight_map`; none where it can't be read, since then the JSON itself is judged as torn. */
function shardsNamed(bytes: Buffer | null): readonly string[] {
  try {
    const index: unknown = JSON.parse(bytes?.toString('utf8') ?? '');
    const map = (index as { weight_map?: unknown } | null)?.weight_map;
    if (typeof map !== 'object' || map === null) return [];
    return Array.from(new Set(Object.values(map).filter((name) => typeof name === 'string')));
  } catch {
    return [];
  }
}
