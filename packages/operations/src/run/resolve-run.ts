import { command, inParallel, isRunctlError, nearest, RunctlError, runIdPattern } from '@runctl/core';
import { bucketKeys, indexDocument, nameDocument, parseIndexKey, runKeys } from '@runctl/protocol';
import { readBytes, type ObjectStore } from '@runctl/store';
import { noneIfOlder, readDocument } from '../documents.ts';

/** How many of the newest runs are looked at for a name close to a wrong one. */
const RECENT_RUNS = 50;

/**
 * The run that a person means: its id, a beginning of it that only one run has, or its name. Errors: `run-not-found`
 * with the closest ids and names, `usage` when several runs begin so.
 */
export async function resolveRun(store: ObjectStore, text: string): Promise<string> {
  if (runIdPattern.test(text) && (await store.head(runKeys(text).spec)) !== null) return text;
  const named = validName(text) ? await runNamed(store, text) : null;
  if (named !== null) return named;
  const candidates = await runsBeginningWith(store, text);
  if (candidates.length === 1) return candidates[0] as string;
  if (candidates.length > 1)
    throw new RunctlError(
      'usage',
      `${candidates.length} runs begin with ${text}: ${candidates.slice(0, 5).join(', ')}`,
      {
        hint: 'give more characters of the id',
      },
    );
  throw await notFound(store, text);
}

/** The run of a name; also of a name that an older runctl gave, so that its run can be stopped by it. */
async function runNamed(store: ObjectStore, name: string): Promise<string | null> {
  const key = bucketKeys.name(name);
  try {
    return (await readDocument(store, nameDocument, key))?.document.run ?? null;
  } catch (error) {
    if (!isRunctlError(error, 'older-format')) throw error;
    const { run } = JSON.parse((await readBytes(store, key)).toString()) as { run?: unknown };
    if (typeof run !== 'string' || !runIdPattern.test(run)) throw error;
    return run;
  }
}

/** Names are keys, so they stay within what every store and shell takes. */
export function validName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && !runIdPattern.test(name);
}

async function runsBeginningWith(store: ObjectStore, text: string): Promise<string[]> {
  if (!/^[a-z2-7-]+$/.test(text)) return [];
  const beginning = text.startsWith('r-') ? text : `r-${text}`;
  const found: string[] = [];
  const prefix = `${bucketKeys.runsFolder()}${beginning}`;
  for await (const folder of store.listFolders({ prefix, limit: 20 }))
    found.push(folder.slice(bucketKeys.runsFolder().length, -1));
  return found;
}

async function notFound(store: ObjectStore, text: string): Promise<RunctlError> {
  const recent: { run: string; key: string }[] = [];
  for await (const info of store.list({ prefix: bucketKeys.indexFolder(), limit: RECENT_RUNS })) {
    const parsed = parseIndexKey(info.key);
    if (parsed !== null) recent.push({ run: parsed.run, key: info.key });
  }
  const names = await inParallel(recent, { concurrency: 16 }, async ({ key }) => {
    const found = await readDocument(store, indexDocument, key).catch(noneIfOlder);
    return found?.document.name;
  });
  const known = [...names.filter((name) => typeof name === 'string'), ...recent.map(({ run }) => run)];
  const close = nearest(text, known);
  const hint =
    close !== null
      ? [`did you mean ${close}? `, command('status'), ' lists the runs']
      : known.length === 0
        ? [`no run was ever launched in ${store.location}`]
        : [command('status'), ` lists the runs; the newest is ${recent[0]?.run}`];
  return new RunctlError('run-not-found', `there is no run ${text} in ${store.location}`, { hint });
}
