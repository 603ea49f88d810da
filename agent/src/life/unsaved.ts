import type { PassReport } from '@runctl/checkpoint';
import { messageOf } from '@runctl/core';

/** What the last pass over the checkpoint folder leaves behind, for people; null when everything there is durable. */
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
