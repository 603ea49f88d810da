import { type HappenedEvent, providerProblemText } from '@runctl/protocol/events';
import type { Provider, ProviderEvent } from '@runctl/provider';
import { inParallel, isRunctlError } from '@runctl/core';
import {
  controlDocument,
  runKeys,
  type ControlDocument,
  type DrainReport,
  type LaunchMachines,
} from '@runctl/protocol';
import type { ObjectStore } from '@runctl/store';
import type { Cloud } from '../cloud.ts';
import { readDocument } from '../documents.ts';
import { attemptNumber, type AttemptRecord, type LaunchRecord, type RunRecord } from '../run/run-record.ts';

/** Everything that documents and the provider tell of a run, in order of time. What the provider can't tell now is left out. */
export async function runEvents(cloud: Cloud, record: RunRecord): Promise<readonly HappenedEvent[]> {
  const { provider } = cloud;
  const [controls, fromProvider] = await Promise.all([
    readControls(cloud.store, record.spec.run),
    inParallel(record.launches, { concurrency: 4 }, (launch) => providerEventsOf(provider, launch)),
  ]);
  const events = [
    ...record.launches.flatMap((launch) => launchEvents(provider, launch)),
    ...record.attempts.flatMap((attempt) => attemptEvents(record, attempt)),
    ...record.boots.map((boot) => ({
      type: 'happened' as const,
      at: boot.at,
      kind: 'boot-failed',
      text: `failed before the agent at "${boot.stage}": ${boot.message}`,
      source: boot.machineId,
    })),
    ...controls.map((control) => ({
      type: 'happened' as const,
      at: control.at,
      kind: 'control',
      text: `${control.action} asked for`,
      source: control.by,
    })),
    ...fromProvider.flat(),
  ];
  return events.sort((a, b) => a.at.localeCompare(b.at));
}

function launchEvents(provider: Provider, record: LaunchRecord): HappenedEvent[] {
  const { launch, intent, machines, outcome } = record;
  const events: HappenedEvent[] = [];
  if (intent !== null)
    events.push({
      type: 'happened',
      at: intent.at,
      kind: 'launch',
      text: `launch ${launch} begun, ${intent.market}`,
      source: intent.by,
    });
  for (const [index, { at, ref, provider: rentedFrom }] of capacitiesOf(machines).entries())
    events.push({
      type: 'happened',
      at,
      kind: 'machines',
      text: `machines asked for${index === 0 ? '' : ' anew in the other market'}, for launch ${launch}`,
      source: rentedFrom === provider.name ? provider.nameOf(ref) : rentedFrom,
    });
  if (outcome !== null)
    events.push({
      type: 'happened',
      at: outcome.at,
      kind: 'outcome',
      text: `launch ${launch} ${outcome.status} (${outcome.cause}): ${outcome.message}`,
      source: outcome.generation === null ? 'laptop' : `generation ${outcome.generation}`,
    });
  return events;
}

/** All that a launch asked for, oldest first. */
function capacitiesOf(machines: LaunchMachines | null): readonly Pick<LaunchMachines, 'ref' | 'at' | 'provider'>[] {
  if (machines === null) return [];
  const { former, provider } = machines;
  return former === undefined ? [machines] : [{ ...former, provider }, machines];
}

function attemptEvents(record: RunRecord, attempt: AttemptRecord): HappenedEvent[] {
  const { started, notice, drain, drainedAt, outcome } = attempt;
  const number = attemptNumber(record, attempt.generation);
  const source = started?.machineId ?? outcome?.machineId ?? `generation ${attempt.generation}`;
  const events: HappenedEvent[] = [];
  if (started !== null) {
    const from = started.resumedFrom === null ? 'from nothing' : `from step ${started.resumedFrom.step ?? '?'}`;
    const place = `${started.machineType} ${started.location} ${started.market}`;
    events.push({
      type: 'happened',
      at: started.at,
      kind: 'attempt',
      text: `attempt ${number} started ${from} on ${place}`,
      source,
    });
    for (const warning of started.resumedFrom?.warnings ?? [])
      events.push({ type: 'happened', at: started.at, kind: 'warning', text: warning, source });
  }
  for (const { at, kind, message, step } of attempt.events)
    events.push({ type: 'happened', at, kind, text: step === null ? message : `${message}, at step ${step}`, source });
  if (notice !== null)
    events.push({
      type: 'happened',
      at: notice.at,
      kind: 'notice',
      text: `interruption notice (${notice.action}), ${Math.round(notice.windowMs / 1000)} s left, at step ${notice.step ?? '?'}`,
      source,
    });
  if (drain !== null && drainedAt !== null)
    events.push({
      type: 'happened',
      at: drainedAt,
      kind: 'drained',
      text: `drained (${drain.cause}), ${drain.durableStep === null ? 'no durable step' : `durable step ${drain.durableStep}`}${newCheckpointText(drain)}`,
      source,
    });
  if (outcome !== null)
    events.push({
      type: 'happened',
      at: outcome.at,
      kind: 'attempt-ended',
      text: `attempt ${number} ended: ${outcome.status} (${outcome.cause}), ${outcome.message}`,
      source,
    });
  return events;
}

async function readControls(store: ObjectStore, run: string): Promise<ControlDocument[]> {
  const keys: string[] = [];
  for await (const info of store.list({ prefix: runKeys(run).controlFolder })) keys.push(info.key);
  const found = await inParallel(keys, { concurrency: 8 }, (key) => readDocument(store, controlDocument, key));
  return found.filter((control) => control !== null).map((control) => control.document);
}

async function providerEventsOf(provider: Provider, { machines }: LaunchRecord): Promise<HappenedEvent[]> {
  if (machines === null || machines.provider !== provider.name) return [];
  const found = await Promise.all(capacitiesOf(machines).map((asked) => capacityEvents(provider, asked)));
  return found.flat();
}

async function capacityEvents(
  provider: Provider,
  { ref, at }: Pick<LaunchMachines, 'ref' | 'at'>,
): Promise<HappenedEvent[]> {
  const source = provider.nameOf(ref);
  try {
    const { events } = await provider.events(ref, Date.parse(at) - 60_000);
    return events.map((event) => ({
      type: 'happened' as const,
      at: new Date(event.atMs).toISOString(),
      kind: `provider-${event.kind}`,
      text: wording(event),
      source,
    }));
  } catch (error) {
    // A provider forgets a capacity after a while; everything else is told all the same.
    if (isRunctlError(error)) return [];
    throw error;
  }
}

function wording(event: ProviderEvent): string {
  if (event.kind === 'error') return providerProblemText(event);
  const { code, machineId, message, offer } = event;
  const place =
    offer === null ? null : [offer.machineType, offer.location].filter((part) => part !== null).join(' in ');
  return [code, machineId, place, message].filter((part) => part !== null && part !== '').join(' ');
}

function newCheckpointText({ newCheckpoint, notDurable }: DrainReport): string {
  if (newCheckpoint) return '';
  return notDurable.length === 0 ? ', no new checkpoint appeared' : `, not durable: ${notDurable.join('; ')}`;
}
