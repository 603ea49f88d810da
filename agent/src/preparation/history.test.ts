import type { AttemptOutcome, AttemptStatus } from '@runctl/protocol';
import { expect, test } from 'vitest';
import type { EarlierAttempt } from '../reporting/run-documents.ts';
import { inheritanceOf } from './history.ts';

const status = (interruptions: number, crashes = 0, launch = 1, spentUsd: number | null = 1): AttemptStatus =>
  ({ launch, interruptions, crashes, budget: { spentUsd, limitUsd: null } }) as AttemptStatus;
const outcome = (name: AttemptOutcome['status'], launch = 1): AttemptOutcome =>
  ({ status: name, launch }) as AttemptOutcome;

/** Newest first, as the bucket gives them. */
async function* attempts(...all: Omit<EarlierAttempt, 'generation'>[]): AsyncIterable<EarlierAttempt> {
  for (const [index, each] of all.entries()) yield { generation: all.length - index, ...each };
}

test('a first attempt inherits nothing', async () => {
  expect(await inheritanceOf(attempts(), 1)).toEqual({ crashes: 0, interruptions: 0, spentUsd: 0 });
});

test('an interrupted attempt and one whose machine vanished count as an interruption each', async () => {
  const interrupted = attempts({ status: status(1, 2), outcome: outcome('interrupted') });
  expect(await inheritanceOf(interrupted, 1)).toEqual({ crashes: 2, interruptions: 2, spentUsd: 1 });
  const vanished = attempts({ status: status(1), outcome: null });
  expect(await inheritanceOf(vanished, 1)).toMatchObject({ interruptions: 2 });
  const silent = attempts({ status: null, outcome: null }, { status: status(0), outcome: outcome('interrupted') });
  expect(await inheritanceOf(silent, 1)).toMatchObject({ interruptions: 2 });
});

test('of an earlier launch only the money counts', async () => {
  const stopped = attempts({ status: status(5, 3, 1, 4.2), outcome: outcome('stopped') });
  expect(await inheritanceOf(stopped, 2)).toEqual({ crashes: 0, interruptions: 0, spentUsd: 4.2 });
});
