import { numbersFrom } from '../support/random.ts';

/** What is done to a machine, or to its agent, in the middle of uploads. */
export const KILL_KINDS = [
  'agent',
  'agent-in-drain',
  'reclaim',
  'reclaim-no-notice',
  'lost-host',
  'full-disk',
  'cut-network',
] as const;
export type KillKind = (typeof KILL_KINDS)[number];

export type SavingWay = 'numbered' | 'in-place' | 'folder';

/** One trial; all of it follows from its seed. */
export interface KillPlan {
  readonly seed: number;
  readonly kind: KillKind;
  /** From the first durable checkpoint on. */
  readonly momentMs: number;
  /** `agent-in-drain`: from the notice to the kill. `cut-network`: until it is back. */
  readonly lastsMs: number;
  readonly saving: SavingWay;
  readonly sizeMiB: number;
  /** Steps between saves. */
  readonly every: number;
  /** From the blow until the script is told that it may finish, where it lives on. */
  readonly endsAfterMs: number;
  /** What the script needs to save once it was told to stop. */
  readonly lastSaveMs: number;
}

/** Kinds follow each other, so that few trials have all of them; everything else is drawn. */
export function killPlan(seed: number): KillPlan {
  const random = numbersFrom(seed);
  const kind = KILL_KINDS[seed % KILL_KINDS.length] ?? 'agent';
  const between = (from: number, to: number): number => Math.round(from + random() * (to - from));
  const oneOf = <T>(choices: readonly [T, ...T[]]): T => choices[Math.floor(random() * choices.length)] ?? choices[0];
  const saving = oneOf<SavingWay>(['numbered', 'in-place', 'folder']);
  return {
    seed,
    kind,
    momentMs: between(0, 2000),
    lastsMs: kind === 'cut-network' ? between(300, 9000) : between(0, 2000),
    saving,
    sizeMiB: oneOf([1, 1, 3, 9]),
    // A file of unknown format that is replaced before it was still for a while cannot be known to be whole.
    every: saving === 'in-place' ? 35 : oneOf([12, 20]),
    endsAfterMs: between(0, 1500),
    lastSaveMs: between(0, 1500),
  };
}
