import {
  type CheckpointOrder,
  compareOrder,
  type Metrics,
  parseManifestKey,
  type RetentionPolicy,
} from '@runctl/protocol';

/** A manifest of the bucket, as far as it bears on whether it is kept. */
export interface RetainedManifest extends CheckpointOrder {
  readonly key: string;
  /** By the store's clock. */
  readonly lastModifiedMs: number;
  /** Null when it can't be read: nothing is known of it then. */
  readonly facts: ManifestFacts | null;
}

export interface ManifestFacts {
  readonly previous: string | null;
  readonly step: number | null;
  readonly metrics: Metrics;
  /** When the script wrote it: equal for two checkpoints of one save, of which the later has newer files beside it. */
  readonly savedAt?: string;
  /** Keys of earlier manifests whose files belong to this one's state. */
  readonly companions?: readonly string[];
}

export interface RetentionFacts {
  /** Key that `latest.json` names. */
  readonly latest: string;
  /** Of the lease that this machine holds. */
  readonly generation: number;
  /** By the store's clock. */
  readonly nowMs: number;
  /** What was wanted so long ago is kept still, since somebody may be reading it. */
  readonly graceMs: number;
  /** Keys of manifests that somebody says to be reading; counts for committed ones. */
  readonly reading: ReadonlySet<string>;
  /** Keys of manifests found damaged: no rule counts on them. */
  readonly damaged: ReadonlySet<string>;
}

export interface RetentionDecision {
  readonly manifest: RetainedManifest;
  readonly keep: boolean;
  /** For people. */
  readonly why: string;
}

/**
 * What is kept and what may be deleted, oldest first; whoever deletes must go in that order (see `lineOf`). The hour of
 * grace counts from when the policy stopped wanting a checkpoint, not from when the next was written: one that was the best
 * for a week may just be on its way to somebody.
 */
export function retained(
  manifests: readonly RetainedManifest[],
  policy: RetentionPolicy,
  facts: RetentionFacts,
): readonly RetentionDecision[] {
  const inOrder = manifests.toSorted(compareOrder);
  const latestIndex = inOrder.findIndex((manifest) => manifest.key === facts.latest);
  const latest = inOrder[latestIndex];
  if (latest === undefined || latest.generation > facts.generation)
    return inOrder.map((manifest) => ({ manifest, keep: true, why: 'this machine may not judge: not its latest' }));
  const then = facts.nowMs - facts.graceMs;
  const unreadable = inOrder.findLastIndex((manifest, index) => index <= latestIndex && manifest.facts === null);
  const past = inOrder.slice(unreadable + 1, latestIndex + 1);
  const committed = new Set(lineOf(past));
  const wantedAmong = (known: readonly RetainedManifest[]): ReadonlyMap<string, string> =>
    wantedOf(
      lineOf(known).filter((manifest) => !facts.damaged.has(manifest.key)),
      policy,
    );
  const wanted = wantedAmong(past);
  const wantedThen = wantedAmong(past.filter((manifest) => manifest.lastModifiedMs <= then));
  const decisions = inOrder.map((manifest, index): RetentionDecision => {
    const kept = (why: string): RetentionDecision => ({ manifest, keep: true, why });
    if (index > latestIndex) return kept('it was written after the latest');
    const why = wanted.get(manifest.key);
    if (why !== undefined) return kept(why);
    if (index <= unreadable) return kept('it or one after it cannot be read, so nothing is known of it');
    if (committed.has(manifest) && facts.reading.has(manifest.key)) return kept('somebody is reading it');
    const successor = inOrder[index + 1];
    if (successor === undefined || successor.lastModifiedMs >= then) return kept('it was the newest within the hour');
    if (wantedThen.has(manifest.key)) return kept(`within the hour: ${wantedThen.get(manifest.key)}`);
    return { manifest, keep: false, why: 'no rule wants it' };
  });
  return withCompanions(decisions);
}

/** Keeps what a kept one names: without it a restore of that would lack files. */
function withCompanions(decisions: readonly RetentionDecision[]): readonly RetentionDecision[] {
  const named = new Map(
    decisions
      .filter(({ keep }) => keep)
      .flatMap(({ manifest: { facts, key } }) =>
        (facts?.companions ?? []).map((companion) => [companion, key] as const),
      ),
  );
  return decisions.map((decision) => {
    const by = named.get(decision.manifest.key);
    return decision.keep || by === undefined ? decision : { ...decision, keep: true, why: `its files belong to ${by}` };
  });
}

/**
 * The committed checkpoints that lead to the newest, newest first. A manifest that was passed over by `previous` was never
 * committed. Where `previous` names one that was deleted, the line goes on with the next that is older than that: the oldest
 * goes first, and one that was never committed goes no later than one after it, so what is left beyond a gap is committed.
 */
function lineOf(past: readonly RetainedManifest[]): readonly RetainedManifest[] {
  const line: RetainedManifest[] = [];
  for (let index = past.length - 1; index >= 0;) {
    const manifest = past[index] as RetainedManifest;
    line.push(manifest);
    const previous = parseManifestKey(manifest.facts?.previous ?? '');
    const before = previous ?? past[index - 1] ?? manifest;
    index = past.findLastIndex((other, at) => at < index && compareOrder(other, before) <= 0);
  }
  return line;
}

/** Why each checkpoint of a line is wanted, by key. */
function wantedOf(line: readonly RetainedManifest[], policy: RetentionPolicy): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  const want = (manifest: RetainedManifest | undefined, why: string): void => {
    if (manifest !== undefined && !wanted.has(manifest.key)) wanted.set(manifest.key, why);
  };
  const [latest, ...before] = line;
  want(latest, 'it is the latest');
  want(before[0], 'it is the one to fall back to');
  for (const manifest of newestOfEachSave(line).slice(1, policy.last + 1))
    want(manifest, `one of the last ${policy.last} before the latest`);
  if (policy.best !== null) want(bestOf(line, policy.best), `best by ${policy.best.metric} (${policy.best.mode})`);
  if (policy.everySteps !== null)
    for (const manifest of firstOfEach(line, policy.everySteps)) want(manifest, `one each ${policy.everySteps} steps`);
  return wanted;
}

/** Without the checkpoints that the next one replaced since something beside the same save had changed. */
function newestOfEachSave(line: readonly RetainedManifest[]): readonly RetainedManifest[] {
  return line.filter((manifest, index) => !isSameSave(manifest, line[index - 1]));
}

function isSameSave({ facts }: RetainedManifest, next: RetainedManifest | undefined): boolean {
  if (facts?.savedAt === undefined || next === undefined) return false;
  return facts.step === next.facts?.step && facts.savedAt === next.facts.savedAt;
}

/** Of equals the newest. */
function bestOf(
  line: readonly RetainedManifest[],
  { metric, mode }: NonNullable<RetentionPolicy['best']>,
): RetainedManifest | undefined {
  const sign = mode === 'min' ? 1 : -1;
  const valueOf = (manifest: RetainedManifest): number => {
    const value = manifest.facts?.metrics[metric];
    return value === undefined || !Number.isFinite(value) ? Number.POSITIVE_INFINITY : sign * value;
  };
  let best: RetainedManifest | undefined;
  for (const manifest of line)
    if (valueOf(manifest) < (best === undefined ? Number.POSITIVE_INFINITY : valueOf(best))) best = manifest;
  return best;
}

/**
 * The first at or after each multiple of `everySteps`, since few scripts save exactly there. Where the training went back,
 * what it had saved beyond that step does not count: it is not on the way to the latest.
 */
function firstOfEach(line: readonly RetainedManifest[], everySteps: number): readonly RetainedManifest[] {
  const first = new Map<number, RetainedManifest>();
  let beyond = Number.POSITIVE_INFINITY;
  for (const manifest of line) {
    const step = manifest.facts?.step ?? null;
    if (step === null || step >= beyond) continue;
    beyond = step;
    first.set(Math.floor(step / everySteps), manifest);
  }
  return Array.from(first.values());
}
