import { attemptOutcome, attemptStatus, parseAttemptKey, runKeys } from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import { readDocument } from '../documents.ts';
import type { AttemptRecord } from './run-record.ts';

/**
 * Status and outcome of the newest life of a run's first node, and when the newest document of that life was written, by the
 * bucket's clock; null where no life wrote anything. Errors: those of the codec, StoreError.
 */
export async function newestAttempt(
  store: ObjectStore,
  run: string,
): Promise<(AttemptRecord & { readonly changedMs: number }) | null> {
  const documents = new Set<string>();
  let changedMs = 0;
  let newest = { generation: 0, node: 0 };
  for await (const info of store.list({ prefix: runKeys(run).attemptsFolder })) {
    const parsed = parseAttemptKey(info.key);
    if (parsed === null || parsed.node !== 0) continue;
    if (parsed.generation > newest.generation) documents.clear();
    newest = parsed;
    changedMs = Math.max(changedMs, info.lastModifiedMs);
    documents.add(parsed.document);
  }
  if (newest.generation === 0) return null;
  const keys = runKeys(run).attempt(newest.generation, 0);
  const [status, outcome] = await Promise.all([
    documents.has('status') ? readDocument(store, attemptStatus, keys.status) : null,
    documents.has('outcome') ? readDocument(store, attemptOutcome, keys.outcome) : null,
  ]);
  return {
    generation: newest.generation,
    node: 0,
    started: null,
    notice: null,
    drain: null,
    drainedAt: null,
    outcome: outcome?.document ?? null,
    status,
    events: [],
    changedMs,
  };
}
