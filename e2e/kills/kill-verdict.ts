import { compareOrder, type CheckpointOrder } from '@runctl/protocol';
import { type Announcement, ofKind } from './announcements.ts';
import type { KillPlan } from './kill-plan.ts';

/** A manifest as it stands in the bucket in the end; that the bytes are what it says is checked elsewhere. */
export interface StoredCheckpoint extends CheckpointOrder {
  readonly key: string;
  /** Path below the checkpoint folder → hash. */
  readonly contents: Readonly<Record<string, string>>;
}

/** All that a trial left behind. */
export interface KillFacts {
  readonly plan: KillPlan;
  readonly announced: readonly Announcement[];
  /** Manifests that `latest.json` was ever seen to name, in the order of seeing. */
  readonly acknowledged: readonly string[];
  /** What it named right before the kill. */
  readonly durableAtKill: CheckpointOrder;
  /** What each later life resumed from, in order of generations. */
  readonly resumedFrom: readonly CheckpointOrder[];
  readonly stored: readonly StoredCheckpoint[];
  /** What `latest.json` names in the end. */
  readonly latest: string | null;
  /** By generation: what its drain said was not durable; null where the machine was gone before anybody could say. */
  readonly named: ReadonlyMap<number, readonly string[] | null>;
  /** How the run ended, where it did not succeed. */
  readonly failure: string | null;
}

export interface KillVerdict {
  /** Broken promises; empty when all is well. */
  readonly problems: readonly string[];
  /** Saves that were finished when the machine or the script went, and that nothing resumed from. */
  readonly gone: readonly string[];
}

/** The machine lives on, or says in time that it does not: then nothing may be missing that nobody named. */
const NOTHING_UNSAID: readonly KillPlan['kind'][] = ['agent', 'agent-in-drain', 'reclaim', 'cut-network'];

export function judgeKill(facts: KillFacts): KillVerdict {
  const { announced, plan } = facts;
  const lost = goneSaves(announced);
  const gone = lost.map(({ save, untilMs }) => `step ${save.step} (saved ${untilMs - save.at} ms before)`);
  const unnamed = NOTHING_UNSAID.includes(plan.kind) ? lost.filter(({ save }) => !isNamed(save, facts)) : [];
  const problems = [
    ...(facts.failure === null ? [] : [`the run did not succeed (${facts.failure})`]),
    ...ofKind(announced, 'resumed').flatMap(({ step, whole }) => (whole ? [] : [`resumed from a torn step ${step}`])),
    ...facts.stored.flatMap((each) => (isOneSave(each, announced) ? [] : [`${each.key} is no save of the script`])),
    ...facts.acknowledged.flatMap((key) =>
      facts.stored.some((each) => each.key === key) ? [] : [`${key} was acknowledged and is gone`],
    ),
    ...facts.resumedFrom.flatMap((order) =>
      compareOrder(order, facts.durableAtKill) < 0 ? ['resumed from before what was durable'] : [],
    ),
    ...unnamed.map(({ save }) => `step ${save.step} was saved, is lost, and nobody said so`),
    ...(isLastSave(facts) ? [] : ['the last save of the run is not what latest.json names']),
  ];
  return { problems, gone };
}

/** Naming the newest names what came before it. Only an agent that was killed in the drain may have had no time to say. */
function isNamed(save: { step: number; attempt: number }, { named, plan }: KillFacts): boolean {
  const texts = named.get(save.attempt) ?? null;
  if (texts === null) return plan.kind === 'agent-in-drain';
  return texts.some((text) => Number(/step (\d+)/.exec(text)?.[1] ?? Number.POSITIVE_INFINITY) >= save.step);
}

/** Saves of a life that the next life did not go on from, each with when the life ended as far as it told. */
function goneSaves(announced: readonly Announcement[]) {
  return ofKind(announced, 'resumed').flatMap((resumed) => {
    const before = announced.slice(0, announced.indexOf(resumed));
    const life = before.slice(before.findLastIndex((each) => each.kind === 'resumed') + 1);
    const untilMs = life.at(-1)?.at ?? resumed.at;
    return ofKind(life, 'saved')
      .filter((save) => save.step > resumed.step)
      .map((save) => ({ save, untilMs }));
  });
}

/** Whether every file of a checkpoint is of one and the same save. */
function isOneSave({ contents }: StoredCheckpoint, announced: readonly Announcement[]): boolean {
  const entries = Object.entries(contents);
  return ofKind(announced, 'saving').some(
    ({ files }) =>
      Object.keys(files).length === entries.length && entries.every(([path, sha256]) => files[path] === sha256),
  );
}

function isLastSave({ announced, latest, stored }: KillFacts): boolean {
  const all = ofKind(announced, 'saved');
  // A machine that lost the lease may save once more before it hears of it; what it saves is not the run's.
  const holder = Math.max(...all.map(({ attempt }) => attempt));
  const last = all.findLast(({ attempt }) => attempt === holder);
  const contents = stored.find((each) => each.key === latest)?.contents;
  return (
    last !== undefined &&
    contents !== undefined &&
    isOneSave({ contents } as StoredCheckpoint, [{ ...last, kind: 'saving' }])
  );
}
