import { RunctlError, formatDuration, isRunctlError, messageOf, type Clock } from '@runctl/core';
import { bucketKeys } from '@runctl/protocol';
import type { AccountFinding, ExaminedAccount } from '@runctl/provider';
import { readBytes } from '@runctl/store';
import type { Cloud } from '../cloud.ts';
import { storeProblem } from '../documents.ts';

interface ExaminationRequest {
  readonly cloud: Cloud;
  /** Not yet corrected by any answer of the cloud: what it says before the first call is judged. */
  readonly clock: Clock;
  readonly wish: Omit<ExaminedAccount, 'bucket' | 'prefix'>;
  /** Names the probe. */
  readonly nonce: string;
}

/** Further off than this a clock is wrong: AWS refuses requests that are 5 to 15 minutes off. */
const WRONG_CLOCK_MS = 5 * 60_000;

/**
 * Looks at all that a launch needs of bucket and provider. Writes, reads and deletes one small object in the bucket, and
 * changes nothing else. A failure is a finding; never rejects.
 */
export async function* examineCloud({ cloud, clock, wish, nonce }: ExaminationRequest): AsyncGenerator<AccountFinding> {
  const { provider, bucket, prefix } = cloud;
  const ownWallMs = fromNowOn(clock);
  const probe = probeBucket(cloud, { ownWallMs, nonce });
  let known = true;
  for await (const finding of provider.account?.examine({ ...wish, bucket, prefix }) ?? []) {
    yield finding;
    known = finding.subject !== 'credentials' || finding.state !== 'problem';
  }
  const found = await probe;
  // Without credentials the bucket has nothing to add.
  if (known) yield* found;
}

/** The clock as it runs from its reading now, whatever corrects it meanwhile. */
function fromNowOn(clock: Clock): () => number {
  const offsetMs = clock.wallMs() - clock.monotonicMs();
  return () => clock.monotonicMs() + offsetMs;
}

const RIGHTS = 'writing, reading, listing and deleting work';

async function probeBucket(
  { store, bucket, region }: Cloud,
  { ownWallMs, nonce }: { readonly ownWallMs: () => number; readonly nonce: string },
): Promise<readonly AccountFinding[]> {
  const key = bucketKeys.probe(nonce);
  const body = Buffer.from(`${nonce}\n`);
  let step = 'writing';
  try {
    await store.put(key, body);
    step = 'reading';
    if (!body.equals(await readBytes(store, key))) throw new Error('what was read is not what was written');
    const info = await store.head(key);
    step = 'listing';
    for await (const _ of store.list({ prefix: key, limit: 1 }));
    step = 'deleting';
    await store.delete([key]);
    const bucketFinding = found('bucket', `${bucket} in ${region}: ${RIGHTS}`);
    return info === null ? [bucketFinding] : [bucketFinding, judgeClock(ownWallMs() - info.serverTimeMs)];
  } catch (error) {
    if (step !== 'writing' && step !== 'deleting') await store.delete([key]).catch(() => {});
    return [bucketProblem(step, storeProblem(error))];
  }
}

function bucketProblem(step: string, error: unknown): AccountFinding {
  const failure = isRunctlError(error) ? error : new RunctlError('cloud-error', messageOf(error));
  const text = `${step}: ${failure.message}`;
  return { subject: 'bucket', state: 'problem', text, fix: failure.hintParts ?? null, errorCode: failure.code };
}

/** `skewMs`: how far this computer's clock is ahead of the bucket's. */
function judgeClock(skewMs: number): AccountFinding {
  const aside = `${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} the cloud's`;
  if (Math.abs(skewMs) < 5000) return found('clock', "this computer's is right");
  if (Math.abs(skewMs) < WRONG_CLOCK_MS) return found('clock', `this computer's is ${aside}, whose time is used`);
  return {
    subject: 'clock',
    state: 'problem',
    text: `this computer's is ${aside}, so AWS may refuse what it signs`,
    fix: 'set it, for example with `timedatectl set-ntp true`',
    errorCode: 'config-invalid',
  };
}

function found(subject: string, text: string): AccountFinding {
  return { subject, state: 'ok', text, fix: null, errorCode: null };
}
