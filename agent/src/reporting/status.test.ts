import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { WorkloadTraits } from '../workload/supervisor/supervisor.ts';
import { LifeState } from './life-state.ts';
import type { Progress } from './progress.ts';
import { statusOf, type StatusFacts } from './status.ts';

const SINCE_MS = Date.parse('2026-01-01T12:00:00Z');
const BEFORE = '2026-01-01T11:59:59Z';
const AFTER = '2026-01-01T12:00:01Z';
const uncaught: WorkloadTraits = {
  catchesTerm: false,
  ignoresTerm: false,
  containment: 'best-effort',
  program: '/usr/bin/python3',
  reason: null,
};

interface Signs {
  readonly savedAt?: string;
  readonly told?: { readonly at: string; readonly source: Progress['source'] };
  readonly isRunning?: boolean;
}

/** What is said of SIGTERM, long after a workload has begun that catches none, or that was started again then. */
function catchesTerm({ savedAt, told, isRunning = true }: Signs): boolean | null | undefined {
  const life = new LifeState(new FakeClock());
  life.workload.runs(() => uncaught);
  life.workingSinceMs = isRunning ? SINCE_MS : null;
  const facts = (nowMs: number) =>
    // A heartbeat copies the rest.
    ({
      life,
      nowMs,
      nowWallMs: SINCE_MS + nowMs,
      identity: {},
      generation: 1,
      uploads: [],
      durable: savedAt === undefined ? null : { manifest: 'manifests/1-1.json', step: 3, savedAt, at: savedAt },
      progress: {
        step: told === undefined ? null : 3,
        source: told?.source ?? 'unknown',
        evidence: null,
        atMs: told === undefined ? null : Date.parse(told.at),
      },
    }) as unknown as StatusFacts;
  statusOf(facts(10_000));
  return statusOf(facts(60_000)).workload?.catchesTerm;
}

test.each<[what: string, signs: Signs, catches: boolean | null]>([
  ['nothing', {}, null],
  ['a checkpoint of its own', { savedAt: AFTER }, false],
  ['a checkpoint that it has resumed from', { savedAt: BEFORE }, null],
  ['a step in its progress file', { told: { at: AFTER, source: 'file' } }, false],
  ['a progress file that its last life has left', { told: { at: BEFORE, source: 'file' } }, null],
  ['a step in its log', { told: { at: AFTER, source: 'log' } }, false],
  ['an old progress file, and a save of its own', { savedAt: AFTER, told: { at: BEFORE, source: 'file' } }, false],
  ['an old save, and a step of its own', { savedAt: BEFORE, told: { at: AFTER, source: 'file' } }, false],
  ['what is left of it once it has ended', { savedAt: AFTER, isRunning: false }, null],
])('a workload that shows %s', (_what, signs, catches) => {
  expect(catchesTerm(signs)).toBe(catches);
});
