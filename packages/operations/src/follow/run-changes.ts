import type { FollowEvent } from '@runctl/protocol/events';
import { type Fit, LOST_WITHOUT_HANDLER, UNKNOWN_WHERE_IGNORED } from '@runctl/protocol';
import {
  attemptNumber,
  attemptsOf,
  resumeIgnoredAtStart,
  type AttemptRecord,
  type RunRecord,
} from '../run/run-record.ts';
import { stateOf } from '../run/run-state.ts';
import { stopHabitOf } from '../run/stop-habit.ts';

/** What was already reported to a watcher of one launch. Begin with `nothingSeen`. */
export interface Seen {
  /** Names of facts: each is reported once. */
  readonly reported: ReadonlySet<string>;
  readonly phase: string;
  readonly durable: string | null;
  /** The last report on whether a save fits into a notice. */
  readonly fit: Fit['verdict'];
}

export const nothingSeen: Seen = { reported: new Set(), phase: '', durable: null, fit: 'unknown' };

/** A stop that takes longer than this is told about while it goes on. */
const LONG_STOP_MS = 5000;

/** What an agent does before its script starts is told before the start, though both may be read at once. */
const BEFORE_START: ReadonlySet<string> = new Set(['waiting', 'preparing']);

/** Events for what `record` says about `launch` beyond `seen`. Pure: the same record twice gives events once. */
export function changes(
  seen: Seen,
  record: RunRecord,
  launch: number,
): { readonly seen: Seen; readonly events: readonly FollowEvent[] } {
  const reported = new Set(seen.reported);
  const events: FollowEvent[] = [];
  const once = (name: string, event: FollowEvent | null | undefined): void => {
    if (event === null || event === undefined || reported.has(name)) return;
    reported.add(name);
    events.push(event);
  };
  for (const failure of record.boots)
    if (failure.launch === launch) once(`boot ${failure.machineId}`, { type: 'boot-failed', failure });
  const attempts = attemptsOf(record, launch);
  const current = phaseEvent(seen.phase, attempts.at(-1));
  const comesFirst = current.event?.type === 'phase' && BEFORE_START.has(current.event.phase);
  if (current.event !== null && comesFirst) events.push(current.event);
  for (const attempt of attempts) for (const [name, event] of lifeEvents(record, attempt)) once(name, event);
  if (current.event !== null && !comesFirst) events.push(current.event);
  const durable = record.latest?.document.manifest ?? null;
  if (durable !== null && durable !== seen.durable && record.latest !== null)
    events.push({ type: 'durable', generation: record.latest.document.generation, step: record.latest.document.step });
  const fit = fitEvent(seen.fit, attempts.at(-1));
  if (fit.event !== null) events.push(fit.event);
  once('no handler', handlerEvent(attempts));
  const outcome = record.launches.find((other) => other.launch === launch)?.outcome;
  const state = stateOf(record);
  const last = attempts.at(-1);
  if (state.kind === 'silent' && last !== undefined)
    once(`silent ${last.generation} ${last.status?.lastModifiedMs}`, {
      type: 'silent',
      generation: last.generation,
      node: last.node,
      silentMs: state.silentMs,
    });
  if (outcome !== null && outcome !== undefined) once('outcome', { type: 'outcome', outcome });
  return { seen: { reported, phase: current.phase, durable, fit: fit.verdict }, events };
}

function lifeEvents(record: RunRecord, attempt: AttemptRecord): [string, FollowEvent | null][] {
  const { generation, node, started, notice, drain, outcome } = attempt;
  const life = { generation, node };
  const name = `${generation}/${node}`;
  const number = attemptNumber(record, generation);
  const superseded = record.attempts.some((other) => other.generation > generation && other.started !== null);
  const reported = new Set(attempt.events.map((event) => event.message));
  const warnings = (attempt.status?.document.warnings ?? []).filter((text) => !reported.has(text));
  const resumeIgnored = resumeIgnoredAtStart(attempt);
  return [
    [`started ${name}`, started && { type: 'attempt', ...life, attempt: number, started, resumeIgnored }],
    ...attempt.events.map((event, index): [string, FollowEvent] => [
      `event ${name} ${index}`,
      { type: 'life-event', ...life, attempt: number, event },
    ]),
    ...warnings.map((text): [string, FollowEvent] => [`warning ${name} ${text}`, { type: 'warning', ...life, text }]),
    [`notice ${name}`, notice && { type: 'notice', ...life, notice }],
    stoppingEvent(attempt),
    [`drained ${name}`, drain && { type: 'drained', ...life, drain }],
    [`ended ${name}`, outcome && { type: 'attempt-ended', ...life, attempt: number, outcome }],
    [
      `lost ${name}`,
      superseded && outcome === null
        ? { type: 'attempt-lost', ...life, attempt: number, lastStep: attempt.status?.document.step ?? null }
        : null,
    ],
  ];
}

/** Told with each heartbeat, once it takes long enough to be waited for. */
function stoppingEvent({ generation, node, status, drain }: AttemptRecord): [string, FollowEvent | null] {
  const { stopping = null, at = '' } = status?.document ?? {};
  const name = `stopping ${generation}/${node} ${at}`;
  const isLong = stopping !== null && Date.parse(at) - Date.parse(stopping.since) >= LONG_STOP_MS;
  return [name, isLong && drain === null ? { type: 'stopping', generation, node, stopping, at } : null];
}

/**
 * Told once it is known, and again only when what fitted does not fit any more, or the other way round. Where nothing catches
 * SIGTERM there is no save that could fit.
 */
function fitEvent(
  before: Fit['verdict'],
  attempt: AttemptRecord | undefined,
): { readonly verdict: Fit['verdict']; readonly event: FollowEvent | null } {
  const { fit = null, workload = null } = attempt?.status?.document ?? {};
  const isKnown = fit !== null && fit.verdict !== 'unknown' && workload?.catchesTerm !== false;
  if (attempt === undefined || attempt.outcome !== null || !isKnown) return { verdict: before, event: null };
  if (fit.verdict === before) return { verdict: before, event: null };
  return { verdict: fit.verdict, event: { type: 'fit', generation: attempt.generation, node: attempt.node, fit } };
}

/** Once for all lives of a launch, which run the same script, and not for one that saved at an interruption all the same. */
function handlerEvent(attempts: readonly AttemptRecord[]): FollowEvent | null {
  const attempt = attempts.at(-1);
  const workload = attempt?.status?.document.workload ?? null;
  if (attempt === undefined || attempt.outcome !== null || workload === null) return null;
  const { generation, node } = attempt;
  const habit = stopHabitOf(attempts);
  if (habit === 'dies')
    return { type: 'warning', generation, node, text: `nothing catches SIGTERM: ${LOST_WITHOUT_HANDLER}` };
  if (habit !== 'ignores') return null;
  return { type: 'warning', generation, node, text: `the script ignores SIGTERM: ${UNKNOWN_WHERE_IGNORED}` };
}

/** Changes of what the agent does are told until the script runs; from then on its own log speaks. */
function phaseEvent(
  before: string,
  attempt: AttemptRecord | undefined,
): { readonly phase: string; readonly event: FollowEvent | null } {
  const status = attempt?.status?.document;
  if (attempt === undefined || status === undefined || attempt.outcome !== null) return { phase: before, event: null };
  const phase = `${attempt.generation}/${attempt.node} ${status.phase}`;
  if (phase === before) return { phase, event: null };
  const { generation, node } = attempt;
  return {
    phase,
    event: { type: 'phase', generation, node, phase: status.phase, doing: status.doing, machineId: status.machineId },
  };
}
