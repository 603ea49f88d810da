import { inParallel } from '@runctl/core';
import { bucketKeys, indexDocument, parseIndexKey, runKeys, runSpec } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';
import { savesAtStop } from '../run/stop-habit.ts';

/** How many of the newest runs are looked at. */
const RECENT_RUNS = 20;
const PARALLEL_READS = 20;

/** What is known of the last run of a script. */
export interface LastRun {
  readonly run: string;
  /** Whether its workload saved at a stop, or caught SIGTERM. */
  readonly caughtTerm: boolean;
}

/** A script (or module, or command) as lists call it, the name of its project, and who launches it, as a spec names them. */
export interface ScriptOfProject {
  readonly label: string;
  readonly project: string;
  readonly launchedBy: string;
}

/**
 * The last run of the same script of the same project, launched by the same person on the same computer, among the newest
 * runs of the bucket; null where there is none, or nothing tells whether it caught SIGTERM. It is a hint: what can't be
 * read is no error.
 */
export async function lastRunOf(store: ObjectStore, script: ScriptOfProject): Promise<LastRun | null> {
  try {
    for (const run of await runsLabelled(store, script.label)) {
      const spec = await readDocument(store, runSpec, runKeys(run).spec).catch(() => null);
      if (spec?.document.project?.name !== script.project || spec.document.launchedBy !== script.launchedBy) continue;
      const caughtTerm = await savesAtStop(store, run);
      return caughtTerm === null ? null : { run, caughtTerm };
    }
    return null;
  } catch {
    return null;
  }
}

/** The newest first. */
async function runsLabelled(store: ObjectStore, label: string): Promise<readonly string[]> {
  const recent: { readonly run: string; readonly key: string }[] = [];
  for await (const { key } of store.list({ prefix: bucketKeys.indexFolder(), limit: RECENT_RUNS })) {
    const parsed = parseIndexKey(key);
    if (parsed !== null) recent.push({ run: parsed.run, key });
  }
  const found = await inParallel(recent, { concurrency: PARALLEL_READS }, async ({ run, key }) => {
    const index = await readDocument(store, indexDocument, key).catch(() => null);
    return index?.document.workload === label ? run : null;
  });
  return found.filter((run) => run !== null);
}
