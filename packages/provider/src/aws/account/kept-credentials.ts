import type { AwsCredentials } from '@runctl/aws-wire';
import type { Clock } from '@runctl/core';

/** Keys are renewed this long before they expire. */
const RENEW_BEFORE_MS = 300_000;
/** Keys that expire sooner, or whose renewal failed, serve for this long before the next look. */
const LOOK_PAUSE_MS = 15_000;

/** Finds keys. Returns the same ones until shortly before they expire; `refresh` looks again. */
export type FindCredentials = (options?: { readonly refresh?: boolean }) => Promise<AwsCredentials>;

/**
 * Keeps what a slow search finds (a program, SSO, a service) until shortly before it expires. Searches once for all who ask
 * meanwhile. Keys whose renewal fails go on being used while they are valid; with `refresh` the failure is the answer, since
 * the service has refused them. Rejects as `find` does.
 */
export function keptCredentials(
  find: () => Promise<AwsCredentials>,
  clock: Pick<Clock, 'monotonicMs' | 'wallMs'>,
): FindCredentials {
  let kept: AwsCredentials | null = null;
  let lookAgainAtMs = Number.NEGATIVE_INFINITY;
  let searching: Promise<AwsCredentials> | null = null;
  const leftMs = (): number => (kept?.expiresAtMs ?? Number.POSITIVE_INFINITY) - clock.wallMs();
  const search = async (): Promise<AwsCredentials> => {
    try {
      kept = await find();
      return kept;
    } finally {
      lookAgainAtMs = clock.monotonicMs() + LOOK_PAUSE_MS;
      searching = null;
    }
  };
  return async ({ refresh = false } = {}) => {
    if (refresh || kept === null) return (searching ??= search());
    const isPaused = clock.monotonicMs() < lookAgainAtMs && leftMs() > 0;
    if (leftMs() > RENEW_BEFORE_MS || isPaused) return kept;
    const old = kept;
    return (searching ??= search()).catch((error: unknown) => {
      if ((old.expiresAtMs ?? Number.POSITIVE_INFINITY) > clock.wallMs()) return old;
      throw error;
    });
  };
}
