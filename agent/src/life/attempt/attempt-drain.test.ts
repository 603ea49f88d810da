import { silentLog } from '@runctl/core';
import { defaultTiming, timestampOf } from '@runctl/protocol';
import { FakeClock } from '@runctl/testkit';
import { expect, test } from 'vitest';
import type { AttemptState, Drain } from '../../lifecycle/model.ts';
import { beginSaving } from '../../lifecycle/saving.ts';
import { WorkloadView } from '../../reporting/workload-view.ts';
import { NOBODY_TOLD } from '../../workload/supervisor/supervisor.ts';
import { AttemptDrain, type AttemptDrainParts } from './attempt-drain.ts';

/** A drain whose signals to the workload are kept; `kept` is what an earlier agent wrote down. */
function draining(kept: object | null = null) {
  const clock = new FakeClock();
  const sent: { readonly signal: string; readonly withinMs: number | undefined }[] = [];
  const signal = async (name: string, _note: string, withinMs?: number): Promise<void> => {
    sent.push({ signal: name, withinMs });
  };
  const parts = {
    supervisor: { signal, stopping: () => ({ ...NOBODY_TOLD, othersWait: true }) },
    journal: { state: { attempt: kept === null ? null : { drain: kept } }, updateAttempt: async () => {} },
    life: { enter: () => {}, warn: () => {}, stopping: null, lastStep: null, workload: new WorkloadView() },
    stops: { seenMs: () => null, standing: [] },
    saves: { lastByteMs: async () => null },
    preemptPath: '/nowhere',
    timing: defaultTiming,
    clock,
    log: silentLog,
  };
  // A drain reads no more than this of each.
  return { clock, sent, drain: new AttemptDrain(parts as unknown as AttemptDrainParts) };
}

const RUNNING: AttemptState = { phase: 'running', askAtMs: null };
const patient = (toldAtMs: number | null): Drain => ({
  cause: 'user-stop',
  haltAtMs: null,
  killAtMs: 40_000,
  killed: false,
  saving: { ...beginSaving(0, Number.POSITIVE_INFINITY), toldAtMs },
});

test('tells those who wait at once where the time of the first is over', () => {
  const { drain, sent } = draining();
  drain.follow(RUNNING, patient(null));
  expect(sent).toEqual([]);
  drain.follow({ phase: 'draining', ...patient(null) }, patient(40_000));
  expect(sent).toEqual([{ signal: 'SIGTERM', withinMs: 0 }]);
});

test.each([
  { name: 'a notice', cause: 'notice', killAt: 60_000, saving: null, withinMs: 30_000 },
  { name: 'a patient stop', cause: 'user-stop', killAt: 30_000, saving: { limitAt: null }, withinMs: 450_000 },
])('an agent that is restarted in the drain of $name keeps half of the time for those who wait', async (given) => {
  const wallMs = new FakeClock().wallMs();
  const at = (ms: number) => timestampOf(wallMs + ms);
  const { name: _, withinMs, killAt, ...rest } = given;
  const times = { seenAt: at(0), termAt: at(0), haltAt: null, killAt: at(killAt) };
  const { drain, sent } = draining({ ...rest, ...times, killed: false, stepAtStop: null, windowMs: null });
  const adopted = await drain.adopt(null);
  expect(sent).toEqual([{ signal: 'SIGTERM', withinMs }]);
  expect(adopted?.saving?.othersWait ?? null).toBe(rest.saving === null ? null : true);
  if (adopted === null) return;
  drain.follow({ phase: 'preparing', stage: 'looking', stop: null }, { ...adopted, killAtMs: 20_000, saving: null });
  expect(sent.at(-1)).toEqual({ signal: 'SIGTERM', withinMs: 10_000 });
});
