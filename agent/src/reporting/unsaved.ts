import type { PassReport } from '@runctl/checkpoint';
import { messageOf } from '@runctl/core';
import type { Ending, FlushResult } from '../lifecycle/model.ts';

/** Whether the workload may have saved something that this machine is to publish. */
export function mayHaveSaved({ started, cause }: Ending): boolean {
  return started && cause !== 'fenced';
}

export interface LastPassOutcome {
  readonly ending: Ending;
  readonly flush: FlushResult;
  readonly lastPass: PassReport | null;
  /** The deadline came before the last pass could say what it leaves. */
  readonly isCutShort: boolean;
}

/** Names the saves that are not durable after a flush, for people; null when all are. */
export function unsavedAfter({ ending, flush, lastPass, isCutShort }: LastPassOutcome): string | null {
  if (flush === 'complete' || !mayHaveSaved(ending)) return null;
  return isCutShort ? 'whatever was saved last: the deadline came before it could be looked at' : unsavedOf(lastPass);
}

/** Names what the last pass over the checkpoint folder leaves behind, for people; null when everything there is durable. */
export function unsavedOf(lastPass: PassReport | null): string | null {
  if (lastPass === null) return 'there was no time for a last look at the checkpoint folder';
  const { candidates, error, notDurable, refused, unsettled } = lastPass;
  // Cut off while it waited: somebody the script left behind may still write to it.
  const moving = unsettled
    ? candidates.filter(({ complete }) => !complete).map(({ entry, why }) => `${entry}: ${why}`)
    : [];
  const named = [...notDurable, ...moving].join('; ');
  const why = error === null ? REFUSED[refused ?? 'none'] : messageOf(error);
  if (why === null || named.includes(why)) return named === '' ? why : named;
  return named === '' ? `the look at the checkpoint folder was cut short (${why})` : `${named} (${why})`;
}

const REFUSED: Readonly<Record<NonNullable<PassReport['refused']> | 'none', string | null>> = {
  'not-holder': 'this machine does not hold the lease now',
  fenced: 'a newer generation has taken over',
  none: null,
};
