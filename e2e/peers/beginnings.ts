import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const LOG = /\/logs\/(\d+)\/\d+\/(\d+)\.log\.gz$/;

/** What a line of the local cloud's bucket journal tells that is of use here. */
interface JournalLine {
  readonly type: string;
  readonly key: string;
  readonly version?: { readonly segments: readonly { readonly blob: string }[] };
}

/**
 * Step at which each life said that it begins (`training from step N`), read from the logs in a local cloud's folder that was
 * kept: the training's own word, beside what the rehearsal concludes. Null for a life that did not come so far.
 */
export async function beginningsOf(state: string): Promise<readonly (number | null)[]> {
  const logs = await logsOf(state);
  return [...logs.keys()].toSorted().map((generation) => {
    const match = /training from step (\d+)/.exec(logs.get(generation) ?? '');
    return match === null ? null : Number(match[1]);
  });
}

/** Text of the log of each generation. */
async function logsOf(state: string): Promise<ReadonlyMap<string, string>> {
  const [bucket = ''] = await readdir(join(state, 's3'));
  const folder = join(state, 's3', bucket);
  const chunks = new Map<string, Map<string, string>>();
  for (const line of (await readFile(join(folder, 'journal.ndjson'), 'utf8')).split('\n').filter(Boolean)) {
    const { type, key, version } = JSON.parse(line) as JournalLine;
    const [, generation, offset] = (type === 'version' ? LOG.exec(key) : null) ?? [];
    const blob = version?.segments[0]?.blob;
    if (generation === undefined || offset === undefined || blob === undefined) continue;
    chunks.set(generation, (chunks.get(generation) ?? new Map<string, string>()).set(offset, blob));
  }
  const logs = new Map<string, string>();
  for (const [generation, blobs] of chunks) {
    const offsets = [...blobs.keys()].toSorted();
    const texts = offsets.map(async (offset) =>
      gunzipSync(await readFile(join(folder, 'blobs', blobs.get(offset) ?? ''))),
    );
    logs.set(generation, Buffer.concat(await Promise.all(texts)).toString('utf8'));
  }
  return logs;
}
